package dev.quern.testkit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.formats.Json;
import java.nio.file.Path;
import java.util.List;

/// The config.json files of the tiny models: every family, and every turn of a family that changes the computation.
///
/// Sliding windows and trained lengths are shorter than the texts that tests run, so that they matter.
final class TinyConfigs {
    private static final String COMMON = """
            {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 4, "num_attention_heads": 4,
             "num_key_value_heads": 2, "vocab_size": 288, "max_position_embeddings": 64, "rms_norm_eps": 1e-5,
             "hidden_act": "silu", "rope_theta": 10000.0, "tie_word_embeddings": false, "bos_token_id": 1,
             "eos_token_id": 2, "pad_token_id": 0, "dtype": "float32"}""";

    private TinyConfigs() {}

    static List<TinyModel> all() {
        TinyModel llama = common("llama", "LlamaForCausalLM", "llama");
        TinyModel mistral = common("mistral", "MistralForCausalLM", "mistral").with("sliding_window", "5");
        TinyModel qwen2 = common("qwen2", "Qwen2ForCausalLM", "qwen2")
                .with("use_sliding_window", "false")
                .with("tie_word_embeddings", "true");
        TinyModel qwen3 = common("qwen3", "Qwen3ForCausalLM", "qwen3").with("head_dim", "24");
        TinyModel gemma3 = gemma3();
        return List.of(
                llama,
                llama.named("llama-bias")
                        .with("attention_bias", "true")
                        .with("mlp_bias", "true")
                        .with("tie_word_embeddings", "true")
                        .with("head_dim", "24"),
                llama.named("llama-linear").with("rope_scaling", "{\"rope_type\": \"linear\", \"factor\": 2.5}"),
                llama.named("llama-dynamic")
                        .with("max_position_embeddings", "8")
                        .with("rope_scaling", "{\"rope_type\": \"dynamic\", \"factor\": 2.0}"),
                llama.named("llama-llama3").with("rope_scaling", """
                        {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                         "original_max_position_embeddings": 32}"""),
                llama.named("llama-yarn").with("rope_scaling", """
                        {"type": "yarn", "rope_type": "yarn", "factor": 4.0,
                         "original_max_position_embeddings": 16}"""),
                llama.named("llama-yarn-parameters").with("rope_parameters", """
                        {"rope_type": "yarn", "rope_theta": 500.0, "factor": 4.0, "attention_factor": 1.3,
                         "beta_fast": 16.0, "beta_slow": 2.0, "original_max_position_embeddings": 16}"""),
                mistral,
                qwen2,
                qwen2.named("qwen2-window")
                        .with("use_sliding_window", "true")
                        .with("sliding_window", "5")
                        .with("max_window_layers", "2"),
                qwen3,
                qwen3.named("qwen3-tied").with("tie_word_embeddings", "true").with("num_key_value_heads", "1"),
                gemma3,
                gemma3.named("gemma3-types").with("layer_types", """
                                ["full_attention", "sliding_attention", "sliding_attention", "full_attention"]""").with("rope_parameters", """
                                {"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 100000.0},
                                 "sliding_attention": {"rope_type": "default", "rope_theta": 500.0}}"""));
    }

    private static TinyModel gemma3() {
        return common("gemma3", "Gemma3ForCausalLM", "gemma3_text")
                .with("head_dim", "24")
                .with("hidden_act", "null")
                .with("hidden_activation", "\"gelu_pytorch_tanh\"")
                .with("tie_word_embeddings", "true")
                .with("query_pre_attn_scalar", "20")
                .with("sliding_window", "5")
                .with("sliding_window_pattern", "3")
                .with("rope_local_base_freq", "100.0");
    }

    private static TinyModel common(String name, String className, String modelType) {
        ObjectNode config = (ObjectNode) json(COMMON);
        config.putArray("architectures").add(className);
        config.put("model_type", modelType);
        return new TinyModel(name, config);
    }

    static JsonNode json(String text) {
        return Json.parse(Path.of("tiny config"), text);
    }
}
