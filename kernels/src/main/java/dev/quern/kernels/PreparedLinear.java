package dev.quern.kernels;

/// A weight `W [rows, cols]` laid out for multiplication: `y = x · Wᵀ`.
///
/// Activations are float32; kernels that round them say so (`LinearKernel.roundsInputs`). Results are the
/// same whatever the number of workers; one token alone
/// and the same token within a batch may differ in the last bits, since the order of summation differs: both keep
/// `|y − ŷ| ≤ (cols + 8) · 2⁻²⁴ · Σ |terms|`. Safe for use by several threads with their own workers.
public interface PreparedLinear {
    /// Output features.
    int rows();

    /// Input features.
    int cols();

    /// Bytes that one decoded token reads.
    long weightBytes();

    /// Name of the kernel that made this.
    String kernel();

    /// Computes `y [tokens, rows]` at `yOffset` from `x [tokens, cols]` at `xOffset`, both row-major, y overwritten.
    ///
    /// One token reads the packed weights once; many tokens unpack a tile once and use it for all of them.
    void multiply(float[] x, int xOffset, int tokens, float[] y, int yOffset, Workers workers);

    /// The product of one token, `y [rows]` from `x [cols]`, as a step that can run again: each time it takes what `x`
    /// holds then. Kernels that know how allocate nothing.
    default Runnable token(float[] x, float[] y, Workers workers) {
        return () -> multiply(x, 0, 1, y, 0, workers);
    }

    /// The same of `tokens` tokens, `y [tokens, rows]` from `x [tokens, cols]`.
    default Runnable tokens(float[] x, int tokens, float[] y, Workers workers) {
        return tokens == 1 ? token(x, y, workers) : () -> multiply(x, 0, tokens, y, 0, workers);
    }
}
