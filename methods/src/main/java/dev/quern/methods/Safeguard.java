package dev.quern.methods;

import java.util.Arrays;

/// Measures rows under the exact loss `Δ·H·Δᵀ` and keeps whichever candidate is better, so that nothing is ever worse
/// than round to nearest on the calibration text.
final class Safeguard {
    private final double[] h;
    private final double[] target;
    private final Parallel parallel;

    /// `h [cols, cols]` symmetric, `target [rows, cols]`.
    Safeguard(double[] h, double[] target, Parallel parallel) {
        this.h = h;
        this.target = target;
        this.parallel = parallel;
    }

    /// Puts round to nearest's codes and scales in place of those rows of `grid`, `codes` and `losses` that lose more
    /// or
    /// have no finite loss. Returns how many.
    int keepBetter(Grid grid, byte[] codes, double[] losses, Grid plain, byte[] nearest) {
        int cols = grid.cols();
        double[] gaps = new double[target.length];
        for (int i = 0; i < gaps.length; i++) {
            gaps[i] = target[i] - plain.value(i / cols, i % cols / plain.groupSize(), Byte.toUnsignedInt(nearest[i]));
        }
        double[] other = quadratic(gaps, grid.rows(), cols);
        int kept = 0;
        for (int row = 0; row < grid.rows(); row++) {
            if (!(losses[row] <= other[row])) {
                losses[row] = other[row];
                grid.copyRow(plain, row);
                System.arraycopy(nearest, row * cols, codes, row * cols, cols);
                kept++;
            }
        }
        return kept;
    }

    /// `tr(W·H·Wᵀ)`: what the outputs amount to.
    double energy(float[] weight, int rows) {
        double[] wide = new double[weight.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = weight[i];
        }
        return Arrays.stream(quadratic(wide, rows, wide.length / rows)).sum();
    }

    /// `v·H·vᵀ` of each row of `values`.
    private double[] quadratic(double[] values, int rows, int cols) {
        return Products.rowDots(Products.multiply(values, rows, h, cols, parallel), values, rows);
    }
}
