package dev.quern.models;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Set;

/// Mistral: Llama with a sliding window on every layer where config.json gives one (arXiv:2310.06825).
final class MistralArchitecture implements Architecture {
    @Override
    public String name() {
        return "mistral";
    }

    @Override
    public Set<String> huggingFaceNames() {
        return Set.of("MistralForCausalLM");
    }

    /// llama.cpp has no name of its own for it; its window is lost there.
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
        Dimensions d = Dimensions.read(reader, new Dimensions.Defaults(0, 1e-6, false, "silu", 131_072));
        // absent means the first model's window, null means none
        int window = config.has("sliding_window") ? reader.size("sliding_window", 0) : 4096;
        return new PreNormDecoder(false, false, false, false)
                .build(
                        d,
                        d.config(name(), d.windows(window, _ -> true)),
                        RopeScaling.of(config, d.headDim(), defaultRopeBase()));
    }
}
