package dev.quern.models;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.DType;
import dev.quern.core.QuernException;
import dev.quern.core.Tensor;
import dev.quern.core.UnsupportedModelException;
import dev.quern.formats.Json;
import dev.quern.formats.OutputDirectory;
import dev.quern.formats.Safetensors;
import dev.quern.formats.SafetensorsFile;
import dev.quern.formats.TensorPlan;
import dev.quern.formats.Written;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/// A LoRA adapter in PEFT's layout: `adapter_config.json` beside `adapter_model.safetensors`, whose tensors are
/// named `base_model.model.<module>.lora_A.weight [r, in]` and `…lora_B.weight [out, r]`.
///
/// `y += scale · B · (A · x)`; the scale is `alpha / r`, or `alpha / √r` where `use_rslora` says so; `rank_pattern`
/// and `alpha_pattern` override both for modules whose name ends so. `config` is the file as it was, `modules` are
/// the tensors as stored, by module name. Nothing of it lies in a file's map.
public record LoraAdapter(JsonNode config, Map<String, Factors> modules) {
    static final String CONFIG = "adapter_config.json";

    static final String TENSORS = "adapter_model.safetensors";

    private static final String PREFIX = "base_model.model.";
    private static final String A = ".lora_A.weight";
    private static final String B = ".lora_B.weight";

    /// `a [r, in]` and `b [out, r]` of one module.
    public record Factors(Tensor a, Tensor b) {}

    public LoraAdapter {
        modules = Collections.unmodifiableMap(new LinkedHashMap<>(modules));
    }

    /// The adapter of these corrections of `network`, whose scale is in them already (alpha = r). `base` is the
    /// name of the model that it belongs to. All corrections have one rank.
    public static LoraAdapter of(String base, Network network, Map<Linear, LowRank> corrections) {
        int rank = corrections.values().iterator().next().rank();
        Map<String, Factors> modules = new LinkedHashMap<>();
        for (Linear linear : network.linears()) {
            LowRank own = corrections.get(linear);
            if (own != null) {
                if (own.rank() != rank) {
                    throw new IllegalArgumentException(linear.name() + " has rank " + own.rank() + ", others " + rank);
                }
                modules.put(
                        linear.name(),
                        new Factors(
                                Tensor.of(own.a(), rank, own.inFeatures()),
                                Tensor.of(own.b(), own.outFeatures(), rank)));
            }
        }
        ObjectNode config = Json.object();
        config.put("peft_type", "LORA").put("task_type", "CAUSAL_LM");
        config.put("base_model_name_or_path", base);
        config.put("r", rank).put("lora_alpha", rank).put("lora_dropout", 0.0);
        config.put("use_rslora", false).put("use_dora", false).put("fan_in_fan_out", false);
        config.put("bias", "none").put("inference_mode", true).put("init_lora_weights", true);
        config.putObject("rank_pattern");
        config.putObject("alpha_pattern");
        config.putNull("modules_to_save");
        ArrayNode targets = config.putArray("target_modules");
        targets(network, modules.keySet()).forEach(targets::add);
        return new LoraAdapter(config, modules);
    }

    /// Last parts of names where all Linears of that name are corrected, else whole names.
    private static Set<String> targets(Network network, Set<String> corrected) {
        Set<String> partly = network.linears().stream()
                .map(Linear::name)
                .filter(name -> !corrected.contains(name))
                .map(LoraAdapter::last)
                .collect(Collectors.toSet());
        return corrected.stream()
                .map(name -> partly.contains(last(name)) ? name : last(name))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static String last(String name) {
        return name.substring(name.lastIndexOf('.') + 1);
    }

    /// Reads the adapter in `folder`; throws a `QuernException` for one that is no plain LoRA or is not whole.
    public static LoraAdapter read(Path folder) {
        Path file = folder.resolve(CONFIG);
        if (!Files.isRegularFile(file)) {
            throw new QuernException(folder + ": no " + CONFIG + "; an adapter is a folder that PEFT wrote");
        }
        JsonNode config = Json.read(file);
        requirePlainLora(folder, config);
        Map<String, Factors> modules = new LinkedHashMap<>();
        try (SafetensorsFile tensors = Safetensors.open(folder.resolve(TENSORS))) {
            for (String name : tensors.names()) {
                String end = name.endsWith(A) ? A : B;
                if (!name.startsWith(PREFIX) || !name.endsWith(end)) {
                    throw new QuernException(folder + ": tensor " + name + " belongs to no Linear of a LoRA adapter");
                }
                String module = name.substring(PREFIX.length(), name.length() - end.length());
                if (!modules.containsKey(module)) {
                    modules.put(
                            module,
                            new Factors(
                                    tensor(folder, tensors, PREFIX + module + A),
                                    tensor(folder, tensors, PREFIX + module + B)));
                }
            }
        }
        if (modules.isEmpty()) {
            throw new QuernException(folder + ": holds no lora_A and lora_B tensors");
        }
        return new LoraAdapter(config, modules);
    }

    private static void requirePlainLora(Path folder, JsonNode config) {
        if (!config.path("peft_type").asText().equals("LORA")) {
            throw unsupported(folder, "peft_type " + config.path("peft_type"));
        }
        for (String flag : List.of("use_dora", "fan_in_fan_out", "lora_bias", "use_qalora", "use_bdlora")) {
            if (config.path(flag).asBoolean()) {
                throw unsupported(folder, flag + " true");
            }
        }
        if (!config.path("bias").asText("none").equals("none")) {
            throw unsupported(folder, "bias " + config.path("bias"));
        }
        for (String list : List.of("modules_to_save", "layer_replication", "trainable_token_indices")) {
            if (config.hasNonNull(list) && !config.path(list).isEmpty()) {
                throw unsupported(folder, list + " " + config.path(list));
            }
        }
    }

    static UnsupportedModelException unsupported(Path folder, String what) {
        return new UnsupportedModelException(
                folder.resolve(CONFIG) + ": Quern lacks " + what + "; it knows plain LoRA (A and B on Linears)");
    }

    private static Tensor tensor(Path folder, SafetensorsFile file, String name) {
        if (!file.names().contains(name)) {
            throw new QuernException(folder.resolve(TENSORS) + ": tensor " + name + " is missing");
        }
        Tensor mapped = file.tensor(name);
        if (!mapped.dtype().isFloat() || mapped.shape().rank() != 2) {
            throw new QuernException(folder.resolve(TENSORS) + ": tensor " + name + " is " + mapped.dtype() + " "
                    + mapped.shape() + ", expected a matrix of floats");
        }
        Tensor tensor =
                Tensor.of(mapped.dtype(), mapped.toFloats(), mapped.shape().sizes());
        for (float value : tensor.toFloats()) {
            if (!Float.isFinite(value)) {
                throw new QuernException(folder.resolve(TENSORS) + ": tensor " + name + " holds " + value);
            }
        }
        return tensor;
    }

    /// The rank that `config` promises for `module`.
    int rank(Path folder, String module) {
        int rank =
                pattern("rank_pattern", module).path("r").asInt(config.path("r").asInt());
        if (rank < 1 || !Double.isFinite(alpha(module))) {
            throw new QuernException(folder.resolve(CONFIG) + ": r is " + config.path("r") + " and lora_alpha "
                    + config.path("lora_alpha") + "; both must be numbers, r at least 1");
        }
        return rank;
    }

    /// What the product of `module`'s factors counts.
    double scale(String module, int rank) {
        return alpha(module) / (config.path("use_rslora").asBoolean() ? Math.sqrt(rank) : rank);
    }

    private double alpha(String module) {
        return pattern("alpha_pattern", module)
                .path("alpha")
                .asDouble(config.path("lora_alpha").asDouble(Double.NaN));
    }

    /// The entry of a table whose key is the end of `module`, under `r` and `alpha` alike; empty where none is.
    private ObjectNode pattern(String key, String module) {
        ObjectNode found = Json.object();
        config.path(key).properties().stream()
                .filter(entry -> module.equals(entry.getKey()) || module.endsWith("." + entry.getKey()))
                .findFirst()
                .ifPresent(entry -> found.<ObjectNode>set("r", entry.getValue()).set("alpha", entry.getValue()));
        return found;
    }

    /// Writes both files into the directory `folder`, atomically; tensors as elements of `dtype`.
    public List<Written> write(Path folder, DType dtype) {
        List<TensorPlan> plans = new ArrayList<>();
        modules.forEach((module, factors) -> {
            plans.add(plan(PREFIX + module + A, factors.a(), dtype));
            plans.add(plan(PREFIX + module + B, factors.b(), dtype));
        });
        try (OutputDirectory out = OutputDirectory.open(folder)) {
            Safetensors.addFile(out, TENSORS, plans, Map.of("format", "pt"));
            out.add(CONFIG, Json.pretty(config));
            return out.commit();
        }
    }

    private static TensorPlan plan(String name, Tensor tensor, DType dtype) {
        return TensorPlan.of(
                name,
                tensor.dtype() == dtype
                        ? tensor
                        : Tensor.of(dtype, tensor.toFloats(), tensor.shape().sizes()));
    }
}
