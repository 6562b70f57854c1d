package dev.quern.models;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Set;

/// Qwen3 (dense): a norm over each head of q and k before rope, no biases by default (arXiv:2505.09388).
final class Qwen3Architecture implements Architecture {
    @Override
    public String name() {
        return "qwen3";
    }

    @Override
    public Set<String> huggingFaceNames() {
        return Set.of("Qwen3ForCausalLM");
    }

    @Override
    public String ggufName() {
        return "qwen3";
    }

    @Override
    public boolean ggufPermutesQk() {
        return false;
    }

    @Override
    public Network network(JsonNode config) {
        ConfigReader reader = new ConfigReader(config);
        Dimensions d = Dimensions.read(reader, new Dimensions.Defaults(128, 1e-6, false, "silu", 32_768));
        boolean bias = reader.flag("attention_bias", false);
        return new PreNormDecoder(bias, bias, false, true)
                .build(
                        d,
                        d.config(name(), Qwen2Architecture.windows(reader, d)),
                        RopeScaling.of(config, d.headDim(), defaultRopeBase()));
    }
}
