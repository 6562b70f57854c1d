package dev.quern.models;

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
        json.putArray("architectures")
                .add(architecture.huggingFaceNames().iterator().next());
        json.put("model_type", architecture.name());
        long heads = whole("attention.head_count");
        long hidden = whole("embedding_length");
        json.put("hidden_size", hidden);
        json.put("intermediate_size", whole("feed_forward_length"));
        json.put("num_hidden_layers", whole("block_count"));
        json.put("num_attention_heads", heads);
        json.put("num_key_value_heads", whole("attention.head_count_kv", heads));
        json.put("head_dim", whole("attention.key_length", hidden / Math.max(1, heads)));
        json.put("vocab_size", vocabSize());
        json.put("max_position_embeddings", whole("context_length", 2048));
        json.put("rms_norm_eps", real("attention.layer_norm_rms_epsilon", 1e-5));
        json.put("rope_theta", real("rope.freq_base", 10_000));
        json.put("tie_word_embeddings", !file.has("output.weight"));
        json.put("attention_bias", file.has("blk.0.attn_q.bias"));
        json.put("mlp_bias", file.has("blk.0.ffn_up.bias"));
        if (metadata.containsKey(prefix + "attention.sliding_window")) {
            json.put("sliding_window", whole("attention.sliding_window"));
        }
        for (String token : List.of("bos", "eos")) {
            if (metadata.get("tokenizer.ggml." + token + "_token_id") instanceof Long id) {
                json.put(token + "_token_id", id);
            }
        }
        rope(json);
        return json;
    }

    private void rope(ObjectNode json) {
        if (file.has("rope_freqs.weight")) {
            throw new UnsupportedModelException(
                    file.path()
                            + ": rope_freqs.weight holds rope factors, which Quern does not read yet; use the safetensors form");
        }
        if (metadata.get(prefix + "rope.scaling.type") instanceof String type && !type.equals("none")) {
            ObjectNode scaling = json.putObject("rope_scaling");
            scaling.put("rope_type", type);
            scaling.put("factor", real("rope.scaling.factor", 1));
            if (metadata.containsKey(prefix + "rope.scaling.original_context_length")) {
                scaling.put("original_max_position_embeddings", whole("rope.scaling.original_context_length"));
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
