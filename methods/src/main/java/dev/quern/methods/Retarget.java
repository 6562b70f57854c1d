package dev.quern.methods;

/// Moves the weights to where the quantized prefix's inputs, which have drifted from the float model's, give the float
/// model's outputs again: `W* = W + share·W·D·H⁻¹`, the minimiser of `‖W·X_float − W*·X‖²` for share 1. GPTQ then
/// rounds
/// W* (the idea of GPTAQ, arXiv:2504.02692, with two triangular solves in place of its correction matrix).
final class Retarget {
    private static final int TILE = 8;

    private Retarget() {}

    /// `W*` in the columns' own order. The share is shrunk by `tokens / (tokens + 8·cols)`, since D is an estimate.
    static double[] apply(
            float[] weight, int rows, int cols, Hessian hessian, Damping damping, double share, Parallel parallel) {
        double[] target = new double[weight.length];
        for (int i = 0; i < weight.length; i++) {
            target[i] = weight[i];
        }
        double[] drift = hessian.drift();
        if (drift == null || share == 0) {
            return target;
        }
        double shrunk = share * hessian.tokens() / (hessian.tokens() + 8.0 * cols);
        double[] turned = transposed(damping.factor());
        parallel.run((rows + TILE - 1) / TILE, task -> {
            int from = task * TILE;
            int to = Math.min(rows, from + TILE);
            double[] y = product(target, drift, from, to, cols);
            double[] x = solve(y, to - from, damping, turned);
            for (int row = from; row < to; row++) {
                for (int q = 0; q < cols; q++) {
                    int col = damping.order()[q];
                    if (!damping.dead()[col]) {
                        target[row * cols + col] += shrunk * x[(row - from) * cols + q];
                    }
                }
            }
        });
        return target;
    }

    /// Rows `from … to` of `W·D`.
    private static double[] product(double[] weight, double[] drift, int from, int to, int n) {
        double[] y = new double[(to - from) * n];
        for (int k = 0; k < n; k += 4) {
            for (int row = from; row < to; row++) {
                Axpy.addRows(y, (row - from) * n, drift, k * n, n, n, weight, row * n + k, Math.min(4, n - k));
            }
        }
        return y;
    }

    /// `y·H⁻¹` in processing order: `u·Rᵀ = y`, then `x·R = u`.
    private static double[] solve(double[] y, int rows, Damping damping, double[] turned) {
        int n = damping.order().length;
        double[] r = damping.factor().r();
        double[] x = new double[y.length];
        for (int row = 0; row < rows; row++) {
            for (int q = 0; q < n; q++) {
                x[row * n + q] = y[row * n + damping.order()[q]];
            }
        }
        for (int k = n - 1; k >= 0; k--) {
            for (int row = 0; row < rows; row++) {
                double u = x[row * n + k] / r[k * n + k];
                x[row * n + k] = u;
                Axpy.add(x, row * n, turned, k * n, k, -u);
            }
        }
        for (int i = 0; i < n; i++) {
            for (int row = 0; row < rows; row++) {
                double value = x[row * n + i] / r[i * n + i];
                x[row * n + i] = value;
                Axpy.add(x, row * n + i + 1, r, i * n + i + 1, n - i - 1, -value);
            }
        }
        return x;
    }

    private static double[] transposed(UpperFactor factor) {
        int n = factor.size();
        double[] turned = new double[n * n];
        for (int i = 0; i < n; i++) {
            for (int j = i; j < n; j++) {
                turned[j * n + i] = factor.r()[i * n + j];
            }
        }
        return turned;
    }
}
