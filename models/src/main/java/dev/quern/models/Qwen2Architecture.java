package dev.quern.models;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Set;

/// Qwen2 and Qwen2.5: biases on q, k and v; upper layers slide where config.json says so (arXiv:2407.10671).
final class Qwen2Architecture implements Architecture {
    @Override
    public String name() {
        return "qwen2";
    }

    @Override
    public Set<String> huggingFaceNames() {
        return Set.of("Qwen2ForCausalLM");
    }

    @Override
    public String ggufName() {
        return "qwen2";
    }

    @Override
    public boolean ggufPermutesQk() {
        return false;
    }

    @Override
    public Network network(JsonNode config) {
        ConfigReader reader = new ConfigReader(config);
        Dimensions d = Dimensions.read(reader, new Dimensions.Defaults(0, 1e-6, false, "silu", 32_768));
        return new PreNormDecoder(true, false, false, false)
                .build(d, d.config(name(), windows(reader, d)), RopeScaling.of(config, d.headDim(), defaultRopeBase()));
    }

    /// Layers from `max_window_layers` on slide, if `use_sliding_window`.
    static java.util.List<Integer> windows(ConfigReader reader, Dimensions d) {
        boolean slides = reader.flag("use_sliding_window", false);
        int window = slides ? reader.size("sliding_window", 4096) : 0;
        int first = (int) reader.number("max_window_layers", 28);
        return d.windows(window, layer -> layer >= first);
    }
}
