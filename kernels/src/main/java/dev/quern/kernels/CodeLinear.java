package dev.quern.kernels;

/// A prepared weight of integer codes that also multiplies by activations of integer codes, exactly.
///
/// `y = s_x · s_w · (Σ c_x · c_w − z_x · Σ c_w)` with the sums in integers, so results are the same to the bit in every
/// kernel, at every vector width and number of threads, and for one token as within a batch.
public interface CodeLinear extends PreparedLinear {
    /// Inputs whose sums of products are sure to fit 32 bits.
    int MOST_INPUTS = 65_535;

    /// Computes `y [tokens, rows]` at `yOffset` from `codes`, which were made from `x [tokens, cols]` at `xOffset`.
    void multiply(InputCodes codes, float[] x, int xOffset, float[] y, int yOffset, Workers workers);

    /// The product of one token, `y [rows]` from what `codes` and `x` hold when it runs, as a step that
    /// can run again. Kernels that know how allocate nothing.
    default Runnable token(InputCodes codes, float[] x, float[] y, Workers workers) {
        return () -> multiply(codes, x, 0, y, 0, workers);
    }
}
