package dev.quern.models;

import java.util.ArrayList;
import java.util.List;

/// The operations a network is written in; an executor implements them once and runs every architecture.
///
/// A `T` is a batch of activations, one row per token, features last. The executor knows the weights behind a `Linear`,
/// `Norm` or `Embedding`, the positions of the tokens and, if it has one, the KV cache. Operations return new values
/// and
/// leave their arguments as they were.
public interface Ops<T> {
    /// Rows of the table for these tokens, times the table's scale: `[tokens, hiddenSize]`.
    T embed(Embedding table, int[] tokens);

    /// The norm over all features.
    T rmsNorm(Norm norm, T x);

    /// The norm over each of `heads` slices of the features (q/k norm).
    T headNorm(Norm norm, T x, int heads);

    /// `x · Wᵀ (+ b)`.
    T linear(Linear linear, T x);

    /// Several Linears that read the same input; an executor may share work among them.
    default List<T> linears(List<Linear> linears, T x) {
        List<T> results = new ArrayList<>(linears.size());
        for (Linear linear : linears) {
            results.add(linear(linear, x));
        }
        return results;
    }

    /// Rotary embedding of `heads` slices, at the tokens' positions.
    T rope(Rope rope, T x, int heads);

    /// Causal attention: q `[tokens, nHeads · headDim]`, k and v `[tokens, nKvHeads · headDim]` → `[tokens, nHeads ·
    /// headDim]`.
    T attend(Attention attention, T q, T k, T v);

    /// `activation(gate) · up`.
    T gate(Activation activation, T gate, T up);

    /// `a + b`.
    T add(T a, T b);

    /// Told the result `x` of a block, which it returns: no other value that was made in the block is used again.
    default T endOfBlock(T x) {
        return x;
    }
}
