package dev.quern.runtime;

/// Sees the logits after one token.
@FunctionalInterface
public interface LogitVisitor {
    /// The logits after token `index` lie in `data[offset … offset + vocabSize)` and are valid during the call only.
    void visit(int index, float[] data, int offset);
}
