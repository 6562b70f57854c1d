package dev.quern.models;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/// Parameter names of one family in the GGUF scheme, from those in the Hugging Face scheme.
public final class GgufNames {
    private static final Map<String, String> OUTSIDE = Map.of(
            "model.embed_tokens", "token_embd",
            "model.norm", "output_norm",
            "lm_head", "output");

    private static final Map<String, String> IN_LAYER = Map.ofEntries(
            Map.entry("input_layernorm", "attn_norm"),
            Map.entry("post_attention_layernorm", "ffn_norm"),
            Map.entry("self_attn.q_proj", "attn_q"),
            Map.entry("self_attn.k_proj", "attn_k"),
            Map.entry("self_attn.v_proj", "attn_v"),
            Map.entry("self_attn.o_proj", "attn_output"),
            Map.entry("self_attn.q_norm", "attn_q_norm"),
            Map.entry("self_attn.k_norm", "attn_k_norm"),
            Map.entry("mlp.gate_proj", "ffn_gate"),
            Map.entry("mlp.up_proj", "ffn_up"),
            Map.entry("mlp.down_proj", "ffn_down"));

    private static final String LAYERS = "model.layers.";

    private final Map<String, String> inLayer;

    public GgufNames(Architecture architecture) {
        inLayer = new HashMap<>(IN_LAYER);
        inLayer.putAll(architecture.ggufLayerNames());
    }

    /// `blk.3.attn_q.weight` for `model.layers.3.self_attn.q_proj.weight`; empty for a name that GGUF has no word for.
    public Optional<String> of(String name) {
        int dot = name.lastIndexOf('.');
        String module = name.substring(0, dot);
        String suffix = name.substring(dot);
        if (!module.startsWith(LAYERS)) {
            return Optional.ofNullable(OUTSIDE.get(module)).map(known -> known + suffix);
        }
        String rest = module.substring(LAYERS.length());
        int end = rest.indexOf('.');
        return Optional.ofNullable(inLayer.get(rest.substring(end + 1)))
                .map(known -> "blk." + rest.substring(0, end) + "." + known + suffix);
    }
}
