package dev.quern.models;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Set;

/// Llama 2 and 3.x, SmolLM2 and the many models that took over their shape (arXiv:2302.13971, arXiv:2407.21783).
final class LlamaArchitecture implements Architecture {
    @Override
    public String name() {
        return "llama";
    }

    @Override
    public Set<String> huggingFaceNames() {
        return Set.of("LlamaForCausalLM");
    }

    @Override
    public String ggufName() {
        return "llama";
    }

    @Override
    public boolean ggufPermutesQk() {
        return true;
    }

    @Override
    public Network network(JsonNode config) {
        ConfigReader reader = new ConfigReader(config);
        Dimensions d = Dimensions.read(reader, new Dimensions.Defaults(0, 1e-6, false, "silu", 2048));
        boolean bias = reader.flag("attention_bias", false);
        return new PreNormDecoder(bias, bias, reader.flag("mlp_bias", false), false)
                .build(
                        d,
                        d.config(name(), d.windows(0, _ -> false)),
                        RopeScaling.of(config, d.headDim(), defaultRopeBase()));
    }
}
