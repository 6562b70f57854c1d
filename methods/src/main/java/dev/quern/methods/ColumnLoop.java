package dev.quern.methods;

import java.util.Arrays;
/// GPTQ's pass over the columns in its inverse-free, left-looking form: with `H = R·Rᵀ` the target of column q is
/// `w_q + Σ_{p<q} Δ_p·R_pq / R_qq`, `Δ_p = w_p − ŵ_p` (original minus quantized). The codes are those of
/// arXiv:2210.17323,
/// algorithm 1.
///
/// Rows do not see each other, so each task takes a few rows through all columns. `Σ_q ((target_q − ŵ_q)·R_qq)²` of a
/// row
/// is its exact loss `ΔW·H·ΔWᵀ`.

final class ColumnLoop {
    /// Rows of a task: they share each row of R while it is near.
    private static final int TILE = 8;

    private final double[] weight;
    private final Grid grid;
    private final Damping damping;
    private final int blockSize;
    private final byte[] codes;
    private final double[] losses;

    /// `weight [rows, cols]` in the columns' own order.
    ColumnLoop(double[] weight, Grid grid, Damping damping, int blockSize) {
        this.weight = weight;
        this.grid = grid;
        this.damping = damping;
        this.blockSize = blockSize;
        this.codes = new byte[weight.length];
        this.losses = new double[grid.rows()];
    }

    void run(Parallel parallel) {
        parallel.run((grid.rows() + TILE - 1) / TILE, task -> {
            int from = task * TILE;
            tile(from, Math.min(grid.rows(), from + TILE));
        });
    }

    /// `[rows, cols]` in the columns' own order.
    byte[] codes() {
        return codes;
    }

    /// The loss of each row.
    double[] losses() {
        return losses;
    }

    private void tile(int from, int to) {
        int n = grid.cols();
        double[] gaps = new double[(to - from) * n];
        double[] sums = new double[(to - from) * blockSize];
        for (int start = 0; start < n; start += blockSize) {
            int width = Math.min(blockSize, n - start);
            Arrays.fill(sums, 0);
            for (int p = 0; p < start; p += 4) {
                // four rows of R serve all rows of the tile while they are in cache
                int count = Math.min(4, start - p);
                for (int row = from; row < to; row++) {
                    int local = row - from;
                    Axpy.addRows(
                            sums,
                            local * blockSize,
                            damping.factor().r(),
                            p * n + start,
                            n,
                            width,
                            gaps,
                            local * n + p,
                            count);
                }
            }
            for (int row = from; row < to; row++) {
                block(row, (row - from) * blockSize, sums, (row - from) * n, gaps, start, width);
            }
        }
    }

    private void block(int row, int sumsAt, double[] sums, int gapsAt, double[] gaps, int start, int width) {
        int n = grid.cols();
        double[] r = damping.factor().r();
        for (int c = 0; c < width; c++) {
            int q = start + c;
            int col = damping.order()[q];
            double w = weight[row * n + col];
            double pivot = r[q * n + q];
            double target = w + sums[sumsAt + c] / pivot;
            int group = col / grid.groupSize();
            int code = grid.code(row, group, (float) target);
            double value = grid.value(row, group, code);
            codes[row * n + col] = (byte) code;
            double gap = w - value;
            gaps[gapsAt + q] = gap;
            double error = (target - value) * pivot;
            losses[row] += error * error;
            Axpy.add(sums, sumsAt + c + 1, r, q * n + q + 1, width - c - 1, gap);
        }
    }
}
