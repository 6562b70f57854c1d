package dev.quern.methods;

/// What a transformed block will be held in: the grid of its weights, and whether a method that knows the inputs'
/// second moments chooses the codes (clipping is then its business).
public record BlockTarget(WeightFormat weights, boolean hessian) {}
