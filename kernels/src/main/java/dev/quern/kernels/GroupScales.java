package dev.quern.kernels;

/// The scales of a panel's groups of inputs, and what stands beside them: the last step of a token's product.
///
/// Sealed: a kernel names which of the two it stores.
sealed interface GroupScales permits FloatScales, SuperScales {
    /// What stands beside the scale: nothing; a zero point within the scale; a minimum beside it.
    enum Shift {
        NONE,
        ZERO,
        MINIMUM
    }

    /// What stands beside the scale.
    Shift shift();

    /// Bytes held.
    long bytes();

    /// `y[yAt … yAt + 64)` from the groups' sums of `code · x` in `parts [groups, 64]` and of `x` in `sums [groups]`.
    void sum(int panel, float[] parts, float[] sums, int sumsAt, float[] y, int yAt);

    /// Scales and shifts of the 64 rows in one group.
    void group(int panel, int group, float[] scale, float[] shift);
}
