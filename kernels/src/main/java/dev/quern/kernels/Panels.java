package dev.quern.kernels;

/// A weight cut into panels of 64 rows, in which a vector lane belongs to a row: sums need no reduction across lanes.
///
/// Element k of row r of a panel lies at `k · 64 + r` of its unit. Rows past the end are zero. Inputs may be permuted
/// and padded (`order`), so that each group of inputs that shares a scale is one run of whole words.
interface Panels {
    /// Rows of a panel: four vectors of 512 bits.
    int ROWS = 64;

    /// Output features.
    int rows();

    /// Input features.
    int cols();

    /// Where each input of the layout comes from, and where its groups end.
    InputOrder order();

    /// Bytes held.
    long bytes();

    /// One token: `y[yAt … yAt + 64) = panel · x`; `sums` holds the sum of x over each group. May use the scratch's
    /// TILE.
    void dot(int panel, float[] x, int xAt, float[] sums, int sumsAt, float[] y, int yAt, Scratch scratch);

    /// Dequantizes a panel into `tile [order().length(), 64]`, to the bit as `PackedWeight.unpackRow`.
    void unpack(int panel, float[] tile, Scratch scratch);
}
