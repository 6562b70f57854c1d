package dev.quern.models;

import com.fasterxml.jackson.databind.JsonNode;
import dev.quern.core.KvScheme;
import dev.quern.core.PackedWeight;
import dev.quern.core.QuernException;
import dev.quern.core.Shape;
import dev.quern.core.Tensor;
import dev.quern.core.UnsupportedModelException;
import dev.quern.formats.Json;
import dev.quern.formats.Safetensors;
import dev.quern.formats.SafetensorsFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/// A LoRA adapter in PEFT's layout: `adapter_config.json` beside `adapter_model.safetensors`, whose tensors are named
/// `base_model.model.<module>.lora_A.weight [r, in]` and `…lora_B.weight [out, r]`.
///
/// The scale is `alpha / r`, or `alpha / √r` where `use_rslora` says so; `rank_pattern` and `alpha_pattern` override
/// both for modules whose name ends so.
final class Adapter {
    static final String CONFIG = "adapter_config.json";

    private static final String TENSORS = "adapter_model.safetensors";
    private static final String PREFIX = "base_model.model.";

    private final Path folder;
    private final JsonNode config;
    private final Map<Linear, LowRank> corrections = new HashMap<>();

    private Adapter(Path folder, JsonNode config) {
        this.folder = folder;
        this.config = config;
    }

    /// Reads the adapter in `folder` for `network`; throws a `QuernException` for one of another kind or model.
    static Adapter read(Path folder, Network network) {
        Path config = folder.resolve(CONFIG);
        if (!Files.isRegularFile(config)) {
            throw new QuernException(folder + ": no " + CONFIG + "; an adapter is a folder that PEFT wrote");
        }
        Adapter adapter = new Adapter(folder, Json.read(config));
        adapter.requirePlainLora();
        try (SafetensorsFile file = Safetensors.open(folder.resolve(TENSORS))) {
            adapter.read(file, network);
        }
        return adapter;
    }

    private void requirePlainLora() {
        if (!config.path("peft_type").asText().equals("LORA")) {
            throw unsupported("peft_type " + config.path("peft_type"));
        }
        for (String flag : List.of("use_dora", "fan_in_fan_out", "lora_bias", "use_qalora", "use_bdlora")) {
            if (config.path(flag).asBoolean()) {
                throw unsupported(flag + " true");
            }
        }
        if (!config.path("bias").asText("none").equals("none")) {
            throw unsupported("bias " + config.path("bias"));
        }
        for (String list : List.of("modules_to_save", "layer_replication", "trainable_token_indices")) {
            if (config.hasNonNull(list) && !config.path(list).isEmpty()) {
                throw unsupported(list + " " + config.path(list));
            }
        }
    }

    private UnsupportedModelException unsupported(String what) {
        return new UnsupportedModelException(
                folder.resolve(CONFIG) + ": Quern lacks " + what + "; it knows plain LoRA (A and B on Linears)");
    }

    private void read(SafetensorsFile file, Network network) {
        Set<String> left = new TreeSet<>(file.names());
        Stream.concat(network.linears().stream(), Stream.of(network.head())).forEach(linear -> {
            String down = PREFIX + linear.name() + ".lora_A.weight";
            String up = PREFIX + linear.name() + ".lora_B.weight";
            if (left.remove(down) | left.remove(up)) {
                corrections.put(linear, correction(file, linear, down, up));
            }
        });
        if (!left.isEmpty()) {
            throw new QuernException(folder + ": tensor " + left.iterator().next()
                    + " belongs to no Linear of the model; the adapter was made for another one");
        }
        if (network.tied() && corrections.containsKey(network.head())) {
            throw unsupported("a correction of a head that shares the embedding's weights");
        }
        if (corrections.isEmpty()) {
            throw new QuernException(folder + ": holds no lora_A and lora_B tensors");
        }
    }

    private LowRank correction(SafetensorsFile file, Linear linear, String down, String up) {
        int rank = pattern("rank_pattern", linear)
                .map(JsonNode::asInt)
                .orElse(config.path("r").asInt());
        double alpha = pattern("alpha_pattern", linear)
                .map(JsonNode::asDouble)
                .orElse(config.path("lora_alpha").asDouble(Double.NaN));
        if (rank < 1 || !Double.isFinite(alpha)) {
            throw new QuernException(folder.resolve(CONFIG) + ": r is " + config.path("r") + " and lora_alpha "
                    + config.path("lora_alpha") + "; both must be numbers, r at least 1");
        }
        float[] a = values(file, down, new Shape(rank, linear.inFeatures()));
        float[] b = values(file, up, new Shape(linear.outFeatures(), rank));
        double scale = alpha / (config.path("use_rslora").asBoolean() ? Math.sqrt(rank) : rank);
        for (int i = 0; i < b.length; i++) {
            b[i] = (float) (b[i] * scale);
        }
        return new LowRank(rank, linear.inFeatures(), linear.outFeatures(), a, b);
    }

    private Optional<JsonNode> pattern(String key, Linear linear) {
        return config.path(key).properties().stream()
                .filter(entry ->
                        linear.name().equals(entry.getKey()) || linear.name().endsWith("." + entry.getKey()))
                .map(Map.Entry::getValue)
                .findFirst();
    }

    private float[] values(SafetensorsFile file, String name, Shape shape) {
        if (!file.names().contains(name)) {
            throw new QuernException(folder.resolve(TENSORS) + ": tensor " + name + " is missing");
        }
        Tensor tensor = file.tensor(name);
        if (!tensor.shape().equals(shape) || !tensor.dtype().isFloat()) {
            throw new QuernException(folder.resolve(TENSORS) + ": tensor " + name + " is " + tensor.dtype() + " "
                    + tensor.shape() + ", expected " + shape + " of floats: the adapter was made for another model");
        }
        float[] values = tensor.toFloats();
        for (float value : values) {
            if (!Float.isFinite(value)) {
                throw new QuernException(folder.resolve(TENSORS) + ": tensor " + name + " holds " + value);
            }
        }
        return values;
    }

    /// `base` with this adapter's corrections.
    WeightSource on(WeightSource base) {
        return new WeightSource() {
            @Override
            public boolean has(String name) {
                return base.has(name);
            }

            @Override
            public PackedWeight weight(String name) {
                return base.weight(name);
            }

            @Override
            public LinearInput input(Linear linear) {
                return base.input(linear);
            }

            @Override
            public Optional<LowRank> correction(Linear linear) {
                return Optional.ofNullable(corrections.get(linear));
            }

            @Override
            public KvScheme kv() {
                return base.kv();
            }

            @Override
            public float[] vector(String name) {
                return base.vector(name);
            }
        };
    }
}
