package dev.quern.models;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A config.json as the metadata of a GGUF file: all that llama.cpp asks for, and beyond it what Quern needs to read
/// the same config back.
final class GgufExport {
    private static final System.Logger LOG = System.getLogger(GgufExport.class.getName());

    /// The version of the block encodings, as llama.cpp counts.
    private static final long QUANTIZATION_VERSION = 2;

    private final Architecture architecture;
    private final ModelConfig model;
    private final JsonNode config;
    private final Map<String, Object> keys = new LinkedHashMap<>();

    private GgufExport(Architecture architecture, JsonNode config) {
        this.architecture = architecture;
        this.model = architecture.network(config).config();
        this.config = config;
    }

    /// The metadata without the tokenizer's part.
    static Map<String, Object> metadata(Architecture architecture, JsonNode config, String name, ConvertType type) {
        GgufExport export = new GgufExport(architecture, config);
        export.keys.put("general.architecture", architecture.ggufName());
        export.keys.put("general.type", "model");
        export.keys.put("general.name", name);
        export.keys.put("general.file_type", (long) type.ggufFileType());
        export.keys.put("general.quantization_version", QUANTIZATION_VERSION);
        export.dimensions();
        export.windows();
        export.rope();
        return export.keys;
    }

    private void dimensions() {
        put("vocab_size", (long) model.vocabSize());
        put("context_length", (long) model.maxPositions());
        put("embedding_length", (long) model.hiddenSize());
        put("block_count", (long) model.nLayers());
        put("feed_forward_length", (long) model.intermediateSize());
        put("attention.head_count", (long) model.nHeads());
        put("attention.head_count_kv", (long) model.nKvHeads());
        put("attention.key_length", (long) model.headDim());
        put("attention.value_length", (long) model.headDim());
        put("attention.layer_norm_rms_epsilon", model.rmsEps());
        JsonNode scalar = config.path("query_pre_attn_scalar");
        if (scalar.isNumber()) {
            put("attention.scale", (float) Math.pow(scalar.asDouble(), -0.5));
        }
    }

    /// Where only some layers slide, one flag a layer says which.
    private void windows() {
        int window = model.layerWindows().stream().mapToInt(w -> w).max().orElse(0);
        if (window == 0) {
            return;
        }
        put("attention.sliding_window", (long) window);
        List<Boolean> slides = model.layerWindows().stream().map(w -> w > 0).toList();
        if (slides.contains(false)) {
            put("attention.sliding_window_pattern", slides);
        }
    }

    private void rope() {
        JsonNode parameters = RopeScaling.parameters(config, "full_attention");
        put("rope.dimension_count", (long) model.headDim());
        put("rope.freq_base", (float) RopeScaling.base(config, architecture.defaultRopeBase()));
        JsonNode local =
                config.path("rope_parameters").path("sliding_attention").path("rope_theta");
        JsonNode localBase = local.isNumber() ? local : config.path("rope_local_base_freq");
        if (localBase.isNumber()) {
            put("rope.freq_base_swa", (float) localBase.asDouble());
        }
        switch (RopeScaling.kind(parameters)) {
            case "linear" -> {
                put("rope.scaling.type", "linear");
                put("rope.scaling.factor", (float) parameters.path("factor").asDouble(1));
            }
            case "yarn" -> yarn(parameters);
            case "dynamic" ->
                LOG.log(
                        System.Logger.Level.WARNING,
                        "GGUF has no dynamic rope scaling: the file is right up to " + model.maxPositions()
                                + " positions");
            default -> {} // llama3's factors are a tensor
        }
    }

    private void yarn(JsonNode parameters) {
        int trained = parameters.path("original_max_position_embeddings").asInt(model.maxPositions());
        double factor = parameters.path("factor").asDouble((double) model.maxPositions() / trained);
        put("rope.scaling.type", "yarn");
        put("rope.scaling.factor", (float) factor);
        put("rope.scaling.original_context_length", (long) trained);
        if (parameters.path("attention_factor").isNumber()) {
            // llama.cpp multiplies its own 0.1 ln(factor) + 1 by this
            double own = 0.1 * Math.log(factor) + 1;
            put("rope.scaling.attn_factor", (float)
                    (parameters.path("attention_factor").asDouble() / own));
        }
        for (String beta : new String[] {"beta_fast", "beta_slow"}) {
            if (parameters.path(beta).isNumber()) {
                put("rope.scaling.yarn_" + beta, (float) parameters.path(beta).asDouble());
            }
        }
    }

    private void put(String key, Object value) {
        keys.put(architecture.ggufName() + "." + key, value);
    }
}
