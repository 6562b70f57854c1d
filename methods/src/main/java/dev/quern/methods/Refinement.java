package dev.quern.methods;

import java.util.Arrays;
/// Improves finished codes and scales of each row under the exact loss `Δᵀ·H·Δ`, which never rises:
///
/// - scales: for fixed codes the best scales of a row's groups jointly are a small least-squares problem;
/// - codes: one code at a time moves to where the others want it (coordinate descent; each move costs one row of H).
///
/// `target [rows, cols]`, `codes` and the grid's scales are changed in place for the rows worked on.

final class Refinement {
    private static final int SWEEPS = 3;
    private static final double GAIN = 1e-9;

    private final double[] h;
    private final double[] target;
    private final byte[] codes;
    private final Grid grid;
    private final double[] losses;
    private final int n;
    private final int groups;

    /// `h [cols, cols]` symmetric; `losses [rows]` are filled.
    Refinement(double[] h, double[] target, byte[] codes, Grid grid, double[] losses) {
        this.h = h;
        this.target = target;
        this.codes = codes;
        this.grid = grid;
        this.losses = losses;
        this.n = grid.cols();
        this.groups = grid.groups();
    }

    /// `rounds` of scales and codes; with 0 only the losses are computed.
    void run(int rounds, Parallel parallel) {
        // what a task keeps of its rows, H·A above all, stays within some megabytes
        int tile = Math.clamp((4 << 20) / (8L * groups * n), 1, 8);
        parallel.run((grid.rows() + tile - 1) / tile, task -> {
            int from = task * tile;
            new Tile(from, Math.min(grid.rows(), from + tile)).run(rounds);
        });
    }

    /// A few rows that share each row of H while it is near.
    private final class Tile {
        private final int from;
        private final int count;
        /// `H·Δ` of each row.
        private final double[] slope;
        /// `H·A_g` of each row and group, where column g of A holds the row's `q − z` within the group.
        private final double[] spread;

        Tile(int from, int to) {
            this.from = from;
            this.count = to - from;
            this.slope = new double[count * n];
            this.spread = new double[count * groups * n];
        }

        void run(int rounds) {
            double[] gaps = new double[count * n];
            for (int i = 0; i < gaps.length; i++) {
                int at = from * n + i;
                gaps[i] = target[at] - value(at / n, at % n);
            }
            for (int k = 0; k < n; k += 4) {
                for (int row = 0; row < count; row++) {
                    Axpy.addRows(slope, row * n, h, k * n, n, n, gaps, row * n + k, Math.min(4, n - k));
                }
            }
            for (int row = 0; row < count; row++) {
                losses[from + row] = Axpy.dot(gaps, row * n, slope, row * n, n);
            }
            for (int round = 0; round < rounds; round++) {
                scales();
                for (int row = 0; row < count; row++) {
                    descend(row);
                }
            }
        }

        private double value(int row, int col) {
            return grid.value(row, col / grid.groupSize(), Byte.toUnsignedInt(codes[row * n + col]));
        }

        private void scales() {
            Arrays.fill(spread, 0);
            int size = grid.groupSize();
            double[] steps = new double[count * n];
            for (int i = 0; i < steps.length; i++) {
                int at = from * n + i;
                steps[i] = Byte.toUnsignedInt(codes[at]) - grid.zero(at / n, at % n / size);
            }
            for (int group = 0; group < groups; group++) {
                for (int k = group * size; k < (group + 1) * size; k += 4) {
                    int four = Math.min(4, (group + 1) * size - k);
                    for (int row = 0; row < count; row++) {
                        int at = (row * groups + group) * n;
                        Axpy.addRows(spread, at, h, k * n, n, n, steps, row * n + k, four);
                    }
                }
            }
            for (int row = 0; row < count; row++) {
                refit(row, steps);
            }
        }

        /// The joint least squares over the scales of one row.
        private void refit(int row, double[] steps) {
            int size = grid.groupSize();
            double[] pull = Arrays.copyOfRange(slope, row * n, (row + 1) * n);
            for (int g = 0; g < groups; g++) {
                Axpy.add(pull, 0, spread, (row * groups + g) * n, n, grid.scale(from + row, g));
            }
            double[] normal = new double[groups * groups];
            double[] right = new double[groups];
            for (int g = 0; g < groups; g++) {
                right[g] = Axpy.dot(steps, row * n + g * size, pull, g * size, size);
                for (int other = 0; other < groups; other++) {
                    normal[g * groups + other] =
                            Axpy.dot(steps, row * n + g * size, spread, (row * groups + other) * n + g * size, size);
                }
            }
            if (!SmallSolve.symmetric(normal, right, groups)) {
                return;
            }
            offer(row, steps, pull, right);
        }

        /// Takes the new scales, rounded to storage, if the loss falls.
        private void offer(int row, double[] steps, double[] pull, double[] wanted) {
            float[] scales = new float[groups];
            for (int g = 0; g < groups; g++) {
                double old = grid.scale(from + row, g);
                boolean usable = wanted[g] > 0.25 * old && wanted[g] < 4 * old;
                scales[g] = usable ? grid.storable(wanted[g]) : (float) old;
                Axpy.add(pull, 0, spread, (row * groups + g) * n, n, -scales[g]);
            }
            double loss = 0;
            for (int col = 0; col < n; col++) {
                double gap = target[(from + row) * n + col] - scales[col / grid.groupSize()] * steps[row * n + col];
                loss += gap * pull[col];
            }
            if (loss < losses[from + row] && loss >= 0) {
                losses[from + row] = loss;
                System.arraycopy(pull, 0, slope, row * n, n);
                for (int g = 0; g < groups; g++) {
                    grid.set(from + row, g, scales[g], grid.zero(from + row, g));
                }
            }
        }

        /// Coordinate descent over the codes of one row.
        private void descend(int row) {
            for (int sweep = 0; sweep < SWEEPS; sweep++) {
                boolean moved = false;
                for (int col = 0; col < n; col++) {
                    moved |= move(row, col);
                }
                if (!moved) {
                    return;
                }
            }
        }

        private boolean move(int row, int col) {
            int at = (from + row) * n + col;
            int group = col / grid.groupSize();
            int code = Byte.toUnsignedInt(codes[at]);
            double now = grid.value(from + row, group, code);
            double curvature = h[col * n + col];
            double pull = slope[row * n + col];
            int next = grid.code(from + row, group, (float) (now + pull / curvature));
            if (next == code) {
                return false;
            }
            double step = grid.value(from + row, group, next) - now;
            double change = step * (step * curvature - 2 * pull);
            if (change > -GAIN * losses[from + row]) {
                return false;
            }
            codes[at] = (byte) next;
            losses[from + row] += change;
            Axpy.add(slope, row * n, h, col * n, n, -step);
            return true;
        }
    }
}
