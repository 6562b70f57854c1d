package dev.quern.models;

import java.util.List;

/// A whole decoder: table, blocks, last norm, head.
///
/// `head.name()` is the embedding's module name where the two are tied. `norms` are all norms, by index.
public record Network(
        ModelConfig config, Embedding embedding, List<Block> blocks, Norm finalNorm, Linear head, List<Norm> norms) {
    /// Tokens in, normed hidden states out: `[tokens, hiddenSize]`.
    public <T> T forward(Ops<T> ops, int[] tokens) {
        T x = ops.embed(embedding, tokens);
        for (Block block : blocks) {
            x = ops.endOfBlock(block.forward(ops, x));
        }
        return ops.rmsNorm(finalNorm, x);
    }

    /// Hidden states in, logits out: `[tokens, vocabSize]`.
    public <T> T logits(Ops<T> ops, T hidden) {
        return ops.linear(head, hidden);
    }

    /// The Linears of all blocks (the head is not among them), by index.
    public List<Linear> linears() {
        return blocks.stream().flatMap(b -> b.linears().stream()).toList();
    }

    /// Number of parameters, shared ones once.
    public long parameters() {
        long count = (long) embedding.vocabSize() * embedding.hiddenSize();
        count += linears().stream().mapToLong(Linear::parameters).sum();
        count += tied() ? 0 : head.parameters();
        return count + norms.stream().mapToLong(Norm::size).sum();
    }

    /// True where the head shares the embedding's weights.
    public boolean tied() {
        return head.weightName().equals(embedding.name());
    }
}
