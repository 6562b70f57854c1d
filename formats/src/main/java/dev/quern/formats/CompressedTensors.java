package dev.quern.formats;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.ActivationScheme;
import dev.quern.core.UnsupportedModelException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The `quantization_config` of a compressed-tensors checkpoint, as `Int8Layout` and `PackedLayout` read it.
///
/// `format` is `int-quantized` or `pack-quantized`; `groupSize` 0 = whole rows (`channel`); with `groupOrder` modules
/// say the group of each input (`actorder` `group`); `exceptions` are the modules, by name, whose inputs are held in
/// another scheme than `activations`, as further groups say it; `ignore` are the Linears that stay floats. Files whose
/// groups differ in more, or with settings that Quern lacks, are refused by their value.
public record CompressedTensors(
        String format,
        int bits,
        int groupSize,
        boolean symmetric,
        boolean groupOrder,
        ActivationScheme activations,
        Map<String, ActivationScheme> exceptions,
        List<String> ignore) {
    static final String INT = "int-quantized";
    static final String PACKED = "pack-quantized";

    private static final String GROUP_ORDER = "group";
    /// The target that stands for all modules of that class.
    private static final String ALL = "Linear";

    public CompressedTensors {
        exceptions = Collections.unmodifiableMap(new LinkedHashMap<>(exceptions));
        ignore = List.copyOf(ignore);
    }

    /// Reads the object under `quantization_config`; empty where it describes another method or format.
    static Optional<CompressedTensors> find(JsonNode config, String format) {
        if (!config.path("quant_method").asText("").equals("compressed-tensors")) {
            return Optional.empty();
        }
        JsonNode group = mainGroup(config.path("config_groups"));
        String found = config.path("format").asText(group.path("format").asText("unnamed"));
        if (!found.equals(INT) && !found.equals(PACKED)) {
            throw unsupported("format " + found + "; " + INT + " and " + PACKED + " are read");
        }
        if (!found.equals(format)) {
            return Optional.empty();
        }
        if (config.path("kv_cache_scheme").isObject()
                || !config.path("sparsity_config").isEmpty()) {
            throw unsupported("kv_cache_scheme or sparsity_config, which are not read");
        }
        if (!config.path("transform_config").isEmpty()) {
            throw unsupported("transform_config, which is not read");
        }
        JsonNode weights = group.path("weights");
        String strategy = weights.path("strategy").asText("unnamed");
        if (!weights.path("type").asText("int").equals("int")
                || !strategy.equals("channel") && !strategy.equals("group")
                || group.path("output_activations").isObject()) {
            throw unsupported("weights of type " + weights.path("type") + " by " + strategy
                    + "; int by channel or group is read");
        }
        List<String> ignore = new ArrayList<>();
        config.path("ignore").forEach(name -> ignore.add(name.asText()));
        return Optional.of(new CompressedTensors(
                format,
                weights.path("num_bits").asInt(8),
                strategy.equals("group") ? weights.path("group_size").asInt(128) : 0,
                weights.path("symmetric").asBoolean(true),
                weights.path("actorder").asText("").equals(GROUP_ORDER),
                activations(group.path("input_activations")),
                exceptions(config.path("config_groups"), group),
                ignore));
    }

    /// The scheme of the module's inputs.
    ActivationScheme activations(String module) {
        return exceptions.getOrDefault(module, activations);
    }

    /// The same with other exceptions.
    CompressedTensors except(Map<String, ActivationScheme> modules) {
        return new CompressedTensors(format, bits, groupSize, symmetric, groupOrder, activations, modules, ignore);
    }

    /// The group of all modules that no other group names.
    private static JsonNode mainGroup(JsonNode groups) {
        List<JsonNode> all = new ArrayList<>();
        for (JsonNode group : groups) {
            List<String> targets = targets(group);
            if (groups.size() == 1 || targets.contains(ALL)) {
                all.add(group);
            } else if (targets.isEmpty() || targets.stream().anyMatch(t -> t.startsWith("re:"))) {
                throw unsupported("several config_groups, of which one has targets " + group.path("targets")
                        + "; beside a group of all Linears, groups of modules by their full names are read");
            }
        }
        if (all.size() != 1) {
            throw unsupported(groups.size() + " config_groups, " + all.size() + " of them for " + ALL
                    + "; one is read, and others that name modules");
        }
        return all.getFirst();
    }

    private static List<String> targets(JsonNode group) {
        List<String> targets = new ArrayList<>();
        group.path("targets").forEach(target -> targets.add(target.asText()));
        return targets;
    }

    private static Map<String, ActivationScheme> exceptions(JsonNode groups, JsonNode main) {
        Map<String, ActivationScheme> exceptions = new LinkedHashMap<>();
        for (JsonNode group : groups) {
            if (group != main) {
                if (!group.path("weights").equals(main.path("weights"))) {
                    throw unsupported("config_groups with different weights; groups may differ in their inputs");
                }
                ActivationScheme scheme = activations(group.path("input_activations"));
                targets(group).forEach(module -> exceptions.put(module, scheme));
            }
        }
        return exceptions;
    }

    private static ActivationScheme activations(JsonNode json) {
        if (!json.isObject()) {
            return ActivationScheme.FLOAT;
        }
        int bits = json.path("num_bits").asInt(8);
        String strategy = json.path("strategy").asText("tensor");
        boolean dynamic = json.path("dynamic").asBoolean(false);
        boolean perToken = strategy.equals("token");
        if (!json.path("type").asText("int").equals("int")
                || bits != 8 && bits != 4
                || !perToken && !strategy.equals("tensor")
                || perToken != dynamic) {
            throw unsupported("input_activations of type " + json.path("type") + " with " + bits + " bits by "
                    + strategy + (dynamic ? ", dynamic" : ", static")
                    + "; int by token dynamic or by tensor static is read");
        }
        return new ActivationScheme(bits, json.path("symmetric").asBoolean(true), perToken, dynamic);
    }

    /// The object to write under `quantization_config`.
    ObjectNode toJson() {
        ObjectNode json = Json.object();
        json.put("quant_method", "compressed-tensors");
        json.put("format", format);
        json.put("quantization_status", "compressed");
        ObjectNode groups = json.putObject("config_groups");
        group(groups, List.of(ALL), activations);
        Map<ActivationScheme, List<String>> others = new LinkedHashMap<>();
        exceptions.forEach((module, scheme) ->
                others.computeIfAbsent(scheme, _ -> new ArrayList<>()).add(module));
        others.forEach((scheme, modules) -> group(groups, modules, scheme));
        ignore.forEach(json.putArray("ignore")::add);
        json.putNull("kv_cache_scheme");
        return json;
    }

    private void group(ObjectNode groups, List<String> targets, ActivationScheme scheme) {
        ObjectNode group = groups.putObject("group_" + groups.size());
        group.put("format", format);
        targets.forEach(group.putArray("targets")::add);
        ObjectNode weights = group.putObject("weights");
        weights.put("num_bits", bits)
                .put("type", "int")
                .put("symmetric", symmetric)
                .put("dynamic", false);
        weights.put("strategy", groupSize == 0 ? "channel" : "group");
        if (groupSize == 0) {
            weights.putNull("group_size");
        } else {
            weights.put("group_size", groupSize);
        }
        if (groupOrder) {
            weights.put("actorder", GROUP_ORDER);
        }
        if (scheme.quantizes()) {
            ObjectNode inputs = group.putObject("input_activations");
            inputs.put("num_bits", scheme.bits()).put("type", "int");
            inputs.put("symmetric", scheme.symmetric()).put("dynamic", scheme.dynamic());
            inputs.put("strategy", scheme.perToken() ? "token" : "tensor");
        } else {
            group.putNull("input_activations");
        }
        group.putNull("output_activations");
    }

    private static UnsupportedModelException unsupported(String what) {
        return new UnsupportedModelException("quantization_config: compressed-tensors with " + what);
    }
}
