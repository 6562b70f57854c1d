package dev.quern.models;

/// The non-linearity of a gated feed-forward: `activation(gate) · up`.
public enum Activation {
    /// `x · sigmoid(x)`.
    SILU,
    /// The tanh approximation of GELU, as Gemma uses.
    GELU_TANH
}
