package dev.quern.methods;

/// How the range of a group, hence its scale and zero point, is found.
public enum Range {
    /// From the smallest to the largest weight.
    MIN_MAX,
    /// The shrunk range with the smallest squared error, weighted by how much each input matters where that is known.
    MSE
}
