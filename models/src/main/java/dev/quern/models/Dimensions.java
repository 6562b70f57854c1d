package dev.quern.models;

import dev.quern.core.QuernException;
import dev.quern.core.UnsupportedModelException;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/// What config.json says under the same keys for all families, with one family's defaults filled in.
record Dimensions(
        ConfigReader reader,
        int vocabSize,
        int hiddenSize,
        int intermediateSize,
        int nLayers,
        int nHeads,
        int nKvHeads,
        int headDim,
        float rmsEps,
        Activation activation,
        boolean tied,
        int maxPositions) {
    /// Values of `hidden_act`.
    static final Map<String, Activation> ACTIVATIONS = Map.of(
            "silu", Activation.SILU,
            "swish", Activation.SILU,
            "gelu_pytorch_tanh", Activation.GELU_TANH,
            "gelu_new", Activation.GELU_TANH,
            "gelu_fast", Activation.GELU_TANH);

    /// Defaults that differ between families.
    record Defaults(int headDim, double rmsEps, boolean tied, String activation, int maxPositions) {}

    /// `defaults.headDim` 0 = hidden size divided by heads.
    static Dimensions read(ConfigReader reader, Defaults defaults) {
        int hiddenSize = reader.size("hidden_size");
        int nHeads = reader.size("num_attention_heads");
        int headDim = reader.size("head_dim", defaults.headDim > 0 ? defaults.headDim : hiddenSize / nHeads);
        int nKvHeads = reader.size("num_key_value_heads", nHeads);
        if (nHeads % nKvHeads != 0) {
            throw new QuernException("config.json: " + nHeads + " heads do not divide among " + nKvHeads + " kv heads");
        }
        if (headDim % 2 != 0) {
            throw new QuernException("config.json: head_dim is " + headDim + "; rotary pairs need an even number");
        }
        return new Dimensions(
                reader,
                reader.size("vocab_size"),
                hiddenSize,
                reader.size("intermediate_size"),
                reader.size("num_hidden_layers"),
                nHeads,
                nKvHeads,
                headDim,
                (float) reader.number("rms_norm_eps", defaults.rmsEps),
                activation(reader.text("hidden_act", reader.text("hidden_activation", defaults.activation))),
                reader.flag("tie_word_embeddings", defaults.tied),
                reader.size("max_position_embeddings", defaults.maxPositions));
    }

    /// The window of each layer that `layer_types` gives, or `fallback` of the layer's number.
    List<Integer> windows(int window, java.util.function.IntPredicate slides) {
        var types = reader.json().path("layer_types");
        if (types.isArray() && types.size() != nLayers) {
            throw new QuernException(
                    "config.json: layer_types has " + types.size() + " entries for " + nLayers + " layers");
        }
        return java.util.stream.IntStream.range(0, nLayers)
                .mapToObj(i -> {
                    boolean sliding =
                            types.isArray() ? types.get(i).asText().equals("sliding_attention") : slides.test(i);
                    return sliding ? window : 0;
                })
                .toList();
    }

    /// The record that the rest of Quern sees.
    ModelConfig config(String architecture, List<Integer> windows) {
        List<Integer> bos = reader.tokens("bos_token_id");
        return new ModelConfig(
                architecture,
                vocabSize,
                hiddenSize,
                intermediateSize,
                nLayers,
                nHeads,
                nKvHeads,
                headDim,
                rmsEps,
                activation,
                tied,
                maxPositions,
                windows,
                bos.isEmpty() ? -1 : bos.getFirst(),
                reader.tokens("eos_token_id"));
    }

    /// The function that a config's `hidden_act` names.
    static Activation activation(String name) {
        Activation known = ACTIVATIONS.get(name);
        if (known == null) {
            throw new UnsupportedModelException("config.json: hidden_act is " + name + "; known are "
                    + ACTIVATIONS.keySet().stream().sorted().collect(Collectors.joining(", ")));
        }
        return known;
    }
}
