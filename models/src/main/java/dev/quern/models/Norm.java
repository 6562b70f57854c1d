package dev.quern.models;

/// A root-mean-square norm: `y = x / sqrt(mean(x²) + eps) · (w + offset)`.
///
/// `index` is unique among the network's norms and dense from 0. `offset` is 1 where the family stores `w − 1` (Gemma).
/// `name` is the parameter's whole name in the Hugging Face scheme.
public record Norm(int index, String name, int size, float eps, float offset) {}
