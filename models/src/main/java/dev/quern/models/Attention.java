package dev.quern.models;

/// What one attention does: causal, grouped queries, scores multiplied by `scale`.
///
/// `window` is how many latest positions (its own included) a token sees; 0 = all before it. Query head h reads kv head
/// `h / (nHeads / nKvHeads)`.
public record Attention(int layer, int nHeads, int nKvHeads, int headDim, float scale, int window) {}
