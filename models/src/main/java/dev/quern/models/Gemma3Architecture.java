package dev.quern.models;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Gemma 3, text only: norms before and after attention and feed-forward, stored as `w − 1`; GeGLU; norms of heads;
/// five layers with a sliding window and a rope base of their own to one with full attention; embeddings times the root
/// of the hidden size (arXiv:2503.19786).
final class Gemma3Architecture implements Architecture {
    @Override
    public String name() {
        return "gemma3";
    }

    @Override
    public Set<String> huggingFaceNames() {
        return Set.of("Gemma3ForCausalLM");
    }

    @Override
    public String huggingFaceType() {
        return "gemma3_text";
    }

    @Override
    public String ggufName() {
        return "gemma3";
    }

    @Override
    public boolean ggufPermutesQk() {
        return false;
    }

    @Override
    public float ggufNormOffset() {
        return 1;
    }

    @Override
    public double defaultRopeBase() {
        return 1_000_000;
    }

    @Override
    public Map<String, String> ggufLayerNames() {
        return Map.of(
                "post_attention_layernorm", "post_attention_norm",
                "pre_feedforward_layernorm", "ffn_norm",
                "post_feedforward_layernorm", "post_ffw_norm");
    }

    @Override
    public List<String> missing(JsonNode config) {
        List<String> missing = new ArrayList<>(Architecture.super.missing(config));
        for (String key : new String[] {"attn_logit_softcapping", "final_logit_softcapping"}) {
            if (config.hasNonNull(key)) {
                missing.add(key + " " + config.path(key));
            }
        }
        return missing;
    }

    @Override
    public Network network(JsonNode config) {
        ConfigReader reader = new ConfigReader(config);
        Dimensions d = Dimensions.read(reader, new Dimensions.Defaults(256, 1e-6, true, "gelu_pytorch_tanh", 131_072));
        int pattern = reader.size("sliding_window_pattern", reader.size("_sliding_window_pattern", 6));
        ModelConfig model =
                d.config(name(), d.windows(reader.size("sliding_window", 4096), layer -> (layer + 1) % pattern != 0));
        Rope global = RopeScaling.of(config, d.headDim(), defaultRopeBase());
        Rope local = local(reader, d);
        float scale = (float) Math.pow(reader.number("query_pre_attn_scalar", 256), -0.5);
        boolean bias = reader.flag("attention_bias", false);
        NetworkBuilder b = new NetworkBuilder(d, 1);
        for (int layer = 0; layer < d.nLayers(); layer++) {
            int window = model.layerWindows().get(layer);
            b.block(
                    new AttentionInput(
                            b.norm(layer, "input_layernorm", d.hiddenSize()),
                            b.q(layer, bias),
                            b.k(layer, bias),
                            b.v(layer, bias),
                            b.headNorms(layer),
                            window > 0 ? local : global,
                            b.attention(layer, scale, window)),
                    new Projection(b.o(layer, bias), b.norm(layer, "post_attention_layernorm", d.hiddenSize())),
                    new FeedForwardInput(
                            b.norm(layer, "pre_feedforward_layernorm", d.hiddenSize()),
                            b.gate(layer, false),
                            b.up(layer, false),
                            d.activation()),
                    new Projection(b.down(layer, false), b.norm(layer, "post_feedforward_layernorm", d.hiddenSize())));
        }
        return b.build(model, (float) Math.sqrt(d.hiddenSize()));
    }

    /// Local layers: their own base, never scaled.
    private static Rope local(ConfigReader reader, Dimensions d) {
        JsonNode own = reader.json().path("rope_parameters").path("sliding_attention");
        double base = own.path("rope_theta").asDouble(reader.number("rope_local_base_freq", 10_000));
        return RopeScaling.of(own, d.headDim(), base, d.maxPositions());
    }
}
