package dev.quern.methods;

import dev.quern.torch.Torch;
import dev.quern.torch.TorchScope;
import dev.quern.torch.TorchTensor;
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
    private final double[] curvature;
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
        this.curvature = new double[n];
        for (int i = 0; i < n; i++) {
            curvature[i] = h[i * n + i];
        }
    }

    /// `rounds` of scales and codes; with 0 only the losses are computed.
    void run(int rounds, Parallel parallel) {
        TorchScope.run(() -> {
            TorchTensor shared = TorchTensor.of(h, n, n);
            parallel.run(
                    (grid.rows() + Products.STRIP - 1) / Products.STRIP,
                    task -> TorchScope.run(() -> Torch.noGrad(() -> {
                        int from = task * Products.STRIP;
                        new Strip(from, Math.min(grid.rows(), from + Products.STRIP), shared).run(rounds);
                        return from;
                    })));
        });
    }

    /// Some rows that go through the products together.
    private final class Strip {
        private final int from;
        private final int count;
        private final TorchTensor shared;
        /// `H·Δ` of each row.
        private double[] slope;

        Strip(int from, int to, TorchTensor shared) {
            this.from = from;
            this.count = to - from;
            this.shared = shared;
            this.slope = new double[0];
        }

        void run(int rounds) {
            double[] gaps = new double[count * n];
            for (int i = 0; i < gaps.length; i++) {
                int at = from * n + i;
                int code = Byte.toUnsignedInt(codes[at]);
                gaps[i] = target[at] - grid.value(at / n, at % n / grid.groupSize(), code);
            }
            slope = product(gaps);
            System.arraycopy(Products.rowDots(gaps, slope, count), 0, losses, from, count);
            if (rounds == 0) {
                return;
            }
            double[] aim = product(Arrays.copyOfRange(target, from * n, (from + count) * n));
            for (int round = 0; round < rounds; round++) {
                scales(aim);
                for (int row = 0; row < count; row++) {
                    descend(row);
                }
            }
        }

        private double[] product(double[] values) {
            return TorchScope.call(
                    () -> TorchTensor.of(values, count, n).matmul(shared).toDoubles());
        }

        /// Least squares over all scales of a row at once; `aim` is `H·target`.
        private void scales(double[] aim) {
            int size = grid.groupSize();
            double[] steps = new double[count * n];
            for (int i = 0; i < steps.length; i++) {
                int at = from * n + i;
                steps[i] = Byte.toUnsignedInt(codes[at]) - grid.zero(at / n, at % n / size);
            }
            double[] normal = normal(steps);
            float[] scales = new float[count * groups];
            double[] right = new double[groups];
            for (int row = 0; row < count; row++) {
                for (int g = 0; g < groups; g++) {
                    int at = row * n + g * size;
                    right[g] = Axpy.dot(steps, at, aim, at, size);
                }
                double[] own = Arrays.copyOfRange(normal, row * groups * groups, (row + 1) * groups * groups);
                boolean solved = SmallSolve.symmetric(own, right, groups);
                for (int g = 0; g < groups; g++) {
                    float old = grid.scale(from + row, g);
                    boolean usable = solved && right[g] > 0.25 * old && right[g] < 4 * old;
                    scales[row * groups + g] = usable ? grid.storable(right[g]) : old;
                }
            }
            offer(steps, scales);
        }

        /// `steps_gᵀ·H·steps_k` of each row and each pair of its groups, `[count, groups, groups]`.
        private double[] normal(double[] steps) {
            int size = grid.groupSize();
            double[] normal = new double[count * groups * groups];
            TorchScope.run(() -> {
                TorchTensor all = TorchTensor.of(steps, count, n);
                for (int g = 0; g < groups; g++) {
                    int start = g * size;
                    int width = n - start;
                    double[] spread = TorchScope.call(() -> all.slice(1, start, start + size)
                            .matmul(shared.slice(0, start, start + size).slice(1, start, n))
                            .toDoubles());
                    for (int row = 0; row < count; row++) {
                        for (int k = g; k < groups; k++) {
                            double value =
                                    Axpy.dot(spread, row * width + k * size - start, steps, row * n + k * size, size);
                            normal[(row * groups + g) * groups + k] = value;
                            normal[(row * groups + k) * groups + g] = value;
                        }
                    }
                }
            });
            return normal;
        }

        /// Takes the new scales of those rows whose loss they lower.
        private void offer(double[] steps, float[] scales) {
            double[] gaps = new double[count * n];
            for (int i = 0; i < gaps.length; i++) {
                gaps[i] = target[from * n + i] - scales[i / n * groups + i % n / grid.groupSize()] * steps[i];
            }
            double[] next = product(gaps);
            double[] found = Products.rowDots(gaps, next, count);
            for (int row = 0; row < count; row++) {
                if (found[row] < losses[from + row] && found[row] >= 0) {
                    losses[from + row] = found[row];
                    System.arraycopy(next, row * n, slope, row * n, n);
                    for (int g = 0; g < groups; g++) {
                        grid.set(from + row, g, scales[row * groups + g], grid.zero(from + row, g));
                    }
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
            double pull = slope[row * n + col];
            int next = grid.code(from + row, group, (float) (now + pull / curvature[col]));
            if (next == code) {
                return false;
            }
            double step = grid.value(from + row, group, next) - now;
            double change = step * (step * curvature[col] - 2 * pull);
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
