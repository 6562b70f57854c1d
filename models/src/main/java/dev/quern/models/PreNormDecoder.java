package dev.quern.models;

/// The decoder that Llama, Mistral and Qwen share: norm, attention, norm, gated feed-forward, each added to the
/// residual
/// stream. What differs are biases, norms of heads and windows.
///
/// `inputBias` is on q, k, v; `outputBias` on o.
record PreNormDecoder(boolean inputBias, boolean outputBias, boolean feedForwardBias, boolean headNorms) {
    Network build(Dimensions d, ModelConfig config, Rope rope) {
        NetworkBuilder b = new NetworkBuilder(d, 0);
        for (int layer = 0; layer < d.nLayers(); layer++) {
            int window = config.layerWindows().get(layer);
            b.block(
                    new AttentionInput(
                            b.norm(layer, "input_layernorm", d.hiddenSize()),
                            b.q(layer, inputBias),
                            b.k(layer, inputBias),
                            b.v(layer, inputBias),
                            headNorms ? b.headNorms(layer) : null,
                            rope,
                            b.attention(layer, b.plainScale(), window)),
                    new Projection(b.o(layer, outputBias), null),
                    new FeedForwardInput(
                            b.norm(layer, "post_attention_layernorm", d.hiddenSize()),
                            b.gate(layer, feedForwardBias),
                            b.up(layer, feedForwardBias),
                            d.activation()),
                    new Projection(b.down(layer, feedForwardBias), null));
        }
        return b.build(config, 1);
    }
}
