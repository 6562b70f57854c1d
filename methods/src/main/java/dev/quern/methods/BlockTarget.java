package dev.quern.methods;

import dev.quern.core.KvScheme;

/// What a transformed block will be held in: the grid of its weights, its Linears' inputs, the KV cache, and whether a
/// method that knows the inputs' second moments chooses the codes (clipping is then its business).
public record BlockTarget(WeightFormat weights, ActivationPlan activations, KvScheme kv, boolean hessian) {}
