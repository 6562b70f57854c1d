package dev.quern.formats;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.GroupedWeight;
import dev.quern.core.PackedWeight;
import dev.quern.core.QuernException;
import dev.quern.core.TensorSource;
import dev.quern.core.UnsupportedModelException;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The `quantization_config` of a GPTQ checkpoint.
///
/// `groupSize` 0 = the whole row (−1 in the file). `zeros` is what the file claims by its name;
/// `GptqLayout.resolve` checks it against the values. `meta` are notes for people (damping, MSE search…), written
/// under `meta`. `skipped` are the Linears of blocks that stay floats.
public record GptqConfig(
        int bits,
        int groupSize,
        boolean symmetric,
        boolean descAct,
        Zeros zeros,
        boolean head,
        Map<String, String> meta,
        List<String> skipped)
        implements WeightLayout {
    /// Bits of a code that its readers know.
    public static final List<Integer> WIDTHS = List.of(2, 3, 4, 8);

    /// How zero points are stored.
    public enum Zeros {
        /// `checkpoint_format` `gptq`: z − 1, the older and wider-known way; z = 0 does not fit.
        V1("gptq"),
        /// `checkpoint_format` `gptq_v2`: z itself.
        V2("gptq_v2");

        private final String formatName;

        Zeros(String formatName) {
            this.formatName = formatName;
        }

        /// The value of `checkpoint_format`.
        public String formatName() {
            return formatName;
        }
    }

    public GptqConfig {
        if (!WIDTHS.contains(bits)) {
            throw new UnsupportedModelException(
                    "quantization_config: GPTQ with bits " + bits + "; 2, 3, 4 and 8 exist");
        }
        if (groupSize < 0) {
            throw new UnsupportedModelException("quantization_config: group_size " + groupSize);
        }
        meta = Map.copyOf(meta);
        skipped = List.copyOf(skipped);
    }

    public GptqConfig(int bits, int groupSize, boolean symmetric, boolean descAct, Zeros zeros) {
        this(bits, groupSize, symmetric, descAct, zeros, false, Map.of(), List.of());
    }

    /// The same with other Linears that stay floats.
    public GptqConfig skipping(List<String> linears) {
        return new GptqConfig(bits, groupSize, symmetric, descAct, zeros, head, meta, linears);
    }

    /// The same with other zeros.
    public GptqConfig with(Zeros other) {
        return new GptqConfig(bits, groupSize, symmetric, descAct, other, head, meta, skipped);
    }

    /// Reads the object under `quantization_config`; empty where it describes another method.
    public static Optional<GptqConfig> find(JsonNode config) {
        String method = config.path("quant_method").asText(config.path("method").asText(""));
        return method.equals("gptq") ? Optional.of(parse(config)) : Optional.empty();
    }

    /// Reads the object under `quantization_config` (or a `quantize_config.json`).
    public static GptqConfig parse(JsonNode config) {
        JsonNode bits = config.path("bits");
        JsonNode groupSize = config.path("group_size");
        if (!bits.canConvertToInt() || !(groupSize.isMissingNode() || groupSize.canConvertToInt())) {
            throw new UnsupportedModelException("quantization_config: bits " + bits + " and group_size " + groupSize
                    + " are not both whole numbers");
        }
        String packed = config.path("pack_dtype").asText("int32");
        if (!packed.equals("int32")) {
            throw new UnsupportedModelException("quantization_config: pack_dtype " + packed + "; int32 is read");
        }
        int group = groupSize.asInt(128);
        return new GptqConfig(
                bits.asInt(),
                group == -1 ? 0 : group,
                config.path("sym").asBoolean(true),
                config.path("desc_act").asBoolean(false),
                zeros(config),
                config.path("lm_head").asBoolean(false),
                Map.of(),
                SkippedModules.readRules(config));
    }

    private static Zeros zeros(JsonNode config) {
        JsonNode format =
                config.hasNonNull("checkpoint_format") ? config.get("checkpoint_format") : config.path("format");
        String name = format.asText("gptq");
        for (Zeros zeros : Zeros.values()) {
            if (zeros.formatName().equals(name)) {
                return zeros;
            }
        }
        throw new UnsupportedModelException(
                "quantization_config: checkpoint_format " + name + "; gptq and gptq_v2 are read");
    }

    /// The object to write under `quantization_config`; both names of the format field are set, for old and new
    /// readers.
    @Override
    public ObjectNode toJson() {
        ObjectNode json = Json.object();
        json.put("quant_method", "gptq");
        json.put("bits", bits);
        json.put("group_size", groupSize == 0 ? -1 : groupSize);
        json.put("sym", symmetric);
        json.put("desc_act", descAct);
        json.put("checkpoint_format", zeros.formatName());
        json.put("format", zeros.formatName());
        json.put("pack_dtype", "int32");
        json.put("lm_head", head);
        json.put("true_sequential", true);
        SkippedModules.writeRules(json, skipped);
        ObjectNode notes = json.putObject("meta");
        new java.util.TreeMap<>(meta).forEach(notes::put);
        return json;
    }

    @Override
    public boolean holds(TensorSource source, String module) {
        return source.names().contains(module + ".qweight");
    }

    @Override
    public GroupedWeight read(TensorSource source, String module) {
        return GptqLayout.read(source, module, this);
    }

    @Override
    public List<TensorPlan> plans(String module, PackedWeight weight) {
        if (!(weight instanceof GroupedWeight grouped)) {
            throw new QuernException(module + ": " + weight.encoding() + " has no place in the GPTQ layout");
        }
        return GptqLayout.plans(module, grouped, this);
    }

    @Override
    public WeightLayout resolve(TensorSource source) {
        return GptqLayout.resolve(source, this);
    }
}
