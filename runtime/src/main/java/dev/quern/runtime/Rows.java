package dev.quern.runtime;

import java.util.Arrays;

/// Activations `[rows, cols]`, row-major. The array belongs to the record's maker; no value equality is claimed.
public record Rows(float[] data, int rows, int cols) {
    public Rows {
        if (rows < 0 || cols < 0 || data.length != (long) rows * cols) {
            throw new IllegalArgumentException(
                    "[" + rows + ", " + cols + "] takes " + (long) rows * cols + " floats, not " + data.length);
        }
    }

    /// New rows of zeros; throws `ArithmeticException` past 2^31 elements.
    public static Rows of(int rows, int cols) {
        return new Rows(new float[Math.multiplyExact(rows, cols)], rows, cols);
    }

    /// A copy of one row.
    public float[] row(int row) {
        return Arrays.copyOfRange(data, row * cols, (row + 1) * cols);
    }

    /// A copy of rows `from … to − 1`.
    public Rows slice(int from, int to) {
        return new Rows(Arrays.copyOfRange(data, from * cols, to * cols), to - from, cols);
    }
}
