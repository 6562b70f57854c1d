package dev.quern.models;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.QuernException;
import dev.quern.core.UnsupportedModelException;
import dev.quern.formats.GgufFile;
import dev.quern.formats.Json;
import java.util.List;
import java.util.Map;

/// A GGUF file's metadata as the config.json that the same model has at Hugging Face.
final class GgufConfig {
    private final GgufFile file;
    private final Map<String, Object> metadata;
    private final String prefix;

    private GgufConfig(GgufFile file, String prefix) {
        this.file = file;
        this.metadata = file.metadata();
        this.prefix = prefix;
    }

    /// The config of `file`, whose family is `architecture`.
    static ObjectNode of(GgufFile file, Architecture architecture) {
        return new GgufConfig(file, architecture.ggufName() + ".").config(architecture);
    }

    private ObjectNode config(Architecture architecture) {
        ObjectNode json = Json.object();
        Architecture family = family(architecture);
        json.putArray("architectures").add(family.huggingFaceNames().iterator().next());
        json.put("model_type", family.huggingFaceType());
        long heads = whole("attention.head_count");
        long hidden = whole("embedding_length");
        json.put("hidden_size", hidden);
        json.put("intermediate_size", whole("feed_forward_length"));
        json.put("num_hidden_layers", whole("block_count"));
        json.put("num_attention_heads", heads);
        json.put("num_key_value_heads", whole("attention.head_count_kv", heads));
        json.put("head_dim", whole("attention.key_length", hidden / heads));
        json.put("vocab_size", vocabSize());
        json.put("max_position_embeddings", whole("context_length", 2048));
        json.put("rms_norm_eps", real("attention.layer_norm_rms_epsilon", 1e-5));
        json.put("rope_theta", real("rope.freq_base", family.defaultRopeBase()));
        json.put("tie_word_embeddings", !file.has("output.weight"));
        json.put("attention_bias", file.has("blk.0.attn_q.bias"));
        json.put("mlp_bias", file.has("blk.0.ffn_up.bias"));
        if (family instanceof Gemma3Architecture) {
            gemma(json);
        } else {
            json.put("hidden_act", "silu");
        }
        windows(json);
        for (String token : List.of("bos", "eos")) {
            if (metadata.get("tokenizer.ggml." + token + "_token_id") instanceof Long id) {
                json.put(token + "_token_id", id);
            }
        }
        rope(json);
        return json;
    }

    /// Mistral hides behind llama's name; a window tells that the model is one.
    private Architecture family(Architecture named) {
        boolean slides = metadata.containsKey(prefix + "attention.sliding_window");
        return named instanceof LlamaArchitecture && slides ? new MistralArchitecture() : named;
    }

    /// What llama.cpp knows without a word in the file: scores are scaled by the head's size, in the model of 62 layers
    /// by the hidden size's share of a head.
    private void gemma(ObjectNode json) {
        json.put("hidden_activation", "gelu_pytorch_tanh");
        double scalar = json.path("num_hidden_layers").asInt() == 62
                ? json.path("hidden_size").asDouble()
                        / json.path("num_attention_heads").asDouble()
                : json.path("head_dim").asDouble();
        if (metadata.containsKey(prefix + "attention.scale")) {
            double scale = real("attention.scale", 1);
            scalar = Math.round(1 / (scale * scale) * 1e4) / 1e4;
        }
        json.put("query_pre_attn_scalar", scalar);
        json.put("rope_local_base_freq", 10_000.0);
    }

    /// llama.cpp gives Gemma 3 its windows without a word in the file; the rest is what Quern writes.
    private void windows(ObjectNode json) {
        boolean slides = metadata.containsKey(prefix + "attention.sliding_window");
        json.put("use_sliding_window", slides);
        if (!slides) {
            json.putNull("sliding_window");
            return;
        }
        json.put("sliding_window", whole("attention.sliding_window"));
        if (metadata.get(prefix + "attention.sliding_window_pattern") instanceof List<?> flags) {
            ArrayNode types = json.putArray("layer_types");
            flags.forEach(flag -> types.add(Boolean.TRUE.equals(flag) ? "sliding_attention" : "full_attention"));
        } else if (metadata.get(prefix + "attention.sliding_window_pattern") instanceof Long every) {
            json.put("sliding_window_pattern", every);
        }
    }

    private void rope(ObjectNode json) {
        double base = json.path("rope_theta").asDouble();
        if (metadata.containsKey(prefix + "rope.freq_base_swa")) {
            json.put("rope_local_base_freq", real("rope.freq_base_swa", base));
        }
        if (file.has(RopeFactors.TENSOR)) {
            float[] factors = file.dense(RopeFactors.TENSOR).toFloats();
            json.set(
                    "rope_scaling",
                    RopeFactors.scaling(factors, base)
                            .orElseThrow(() -> new UnsupportedModelException(file.path() + ": " + RopeFactors.TENSOR
                                    + " holds rope factors that are not llama3's; use the safetensors form")));
            return;
        }
        if (metadata.get(prefix + "rope.scaling.type") instanceof String type && !type.equals("none")) {
            scaling(json.putObject("rope_scaling"), type);
        } else if (metadata.containsKey(prefix + "rope.scale_linear")) {
            json.putObject("rope_scaling").put("rope_type", "linear").put("factor", real("rope.scale_linear", 1));
        }
    }

    private void scaling(ObjectNode scaling, String type) {
        double factor = real("rope.scaling.factor", 1);
        scaling.put("rope_type", type).put("factor", factor);
        if (metadata.containsKey(prefix + "rope.scaling.original_context_length")) {
            scaling.put("original_max_position_embeddings", whole("rope.scaling.original_context_length"));
        }
        if (metadata.containsKey(prefix + "rope.scaling.attn_factor")) {
            scaling.put("attention_factor", real("rope.scaling.attn_factor", 1) * (0.1 * Math.log(factor) + 1));
        }
        for (String beta : List.of("beta_fast", "beta_slow")) {
            if (metadata.containsKey(prefix + "rope.scaling.yarn_" + beta)) {
                scaling.put(beta, real("rope.scaling.yarn_" + beta, 1));
            }
        }
    }

    private long vocabSize() {
        return file.tensors().stream()
                .filter(t -> t.name().equals("token_embd.weight") && t.shape().rank() == 2)
                .mapToLong(t -> t.shape().sizes()[0])
                .findFirst()
                .orElseThrow(() -> new QuernException(file.path() + ": no tensor token_embd.weight"));
    }

    private long whole(String key) {
        if (metadata.get(prefix + key) instanceof Long value && value > 0) {
            return value;
        }
        throw new QuernException(file.path() + ": metadata " + prefix + key + " is " + metadata.get(prefix + key)
                + "; a positive whole number is needed");
    }

    private long whole(String key, long fallback) {
        return metadata.containsKey(prefix + key) ? whole(key) : fallback;
    }

    private double real(String key, double fallback) {
        Object value = metadata.get(prefix + key);
        if (value == null) {
            return fallback;
        }
        if (value instanceof Number number) {
            return Double.parseDouble(Float.toString(number.floatValue()));
        }
        throw new QuernException(file.path() + ": metadata " + prefix + key + " is " + value + "; a number is needed");
    }
}
