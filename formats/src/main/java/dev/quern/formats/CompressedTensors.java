package dev.quern.formats;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.ActivationScheme;
import dev.quern.core.UnsupportedModelException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The `quantization_config` of a compressed-tensors checkpoint with one group of modules, as `Int8Layout` and
/// `PackedLayout` read it.
///
/// `format` is `int-quantized` or `pack-quantized`; `groupSize` 0 = whole rows (`channel`); with `groupOrder` modules
/// say the group of each input (`actorder` `group`); `ignore` are the Linears that stay floats. Files with several
/// groups, or with settings that Quern lacks, are refused by their value.
public record CompressedTensors(
        String format,
        int bits,
        int groupSize,
        boolean symmetric,
        boolean groupOrder,
        ActivationScheme activations,
        List<String> ignore) {
    static final String INT = "int-quantized";
    static final String PACKED = "pack-quantized";

    private static final String GROUP_ORDER = "group";

    public CompressedTensors {
        ignore = List.copyOf(ignore);
    }

    /// Reads the object under `quantization_config`; empty where it describes another method or format.
    static Optional<CompressedTensors> find(JsonNode config, String format) {
        if (!config.path("quant_method").asText("").equals("compressed-tensors")) {
            return Optional.empty();
        }
        JsonNode groups = config.path("config_groups");
        if (groups.size() != 1) {
            throw unsupported(groups.size() + " config_groups; one is read");
        }
        JsonNode group = groups.elements().next();
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
                ignore));
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
        ObjectNode group = json.putObject("config_groups").putObject("group_0");
        group.put("format", format);
        group.putArray("targets").add("Linear");
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
        if (activations.quantizes()) {
            ObjectNode inputs = group.putObject("input_activations");
            inputs.put("num_bits", activations.bits()).put("type", "int");
            inputs.put("symmetric", activations.symmetric()).put("dynamic", activations.dynamic());
            inputs.put("strategy", activations.perToken() ? "token" : "tensor");
        } else {
            group.putNull("input_activations");
        }
        group.putNull("output_activations");
        ignore.forEach(json.putArray("ignore")::add);
        json.putNull("kv_cache_scheme");
        return json;
    }

    private static UnsupportedModelException unsupported(String what) {
        return new UnsupportedModelException("quantization_config: compressed-tensors with " + what);
    }
}
