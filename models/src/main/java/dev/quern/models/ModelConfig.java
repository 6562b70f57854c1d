package dev.quern.models;

import java.util.List;

/// The numbers that shape a decoder, read from a Hugging Face config.json (or a GGUF's metadata put in that form).
///
/// `layerWindows [nLayers]` is each layer's sliding window, 0 = full attention. `maxPositions` is the trained context.
/// `eosTokens` may be empty; `bosToken` is −1 where there is none.
public record ModelConfig(
        String architecture,
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
        int maxPositions,
        List<Integer> layerWindows,
        int bosToken,
        List<Integer> eosTokens) {}
