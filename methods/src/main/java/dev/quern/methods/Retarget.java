package dev.quern.methods;

/// Moves the weights to where the quantized prefix's inputs, which have drifted from the float model's, give the float
/// model's outputs again: `W* = W + share·W·D·H⁻¹`, the minimiser of `‖W·X_float − W*·X‖²` for share 1. GPTQ then
/// rounds
/// W* (the idea of GPTAQ, arXiv:2504.02692, with two triangular solves in place of its correction matrix).
final class Retarget {
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
        int[] order = damping.order();
        double[] pull = inOrder(Products.multiply(target, rows, drift, cols, parallel), order);
        double[] shift = Products.solve(pull, rows, damping.factor().r(), cols, parallel);
        for (int row = 0; row < rows; row++) {
            for (int q = 0; q < cols; q++) {
                if (!damping.dead()[order[q]]) {
                    target[row * cols + order[q]] += shrunk * shift[row * cols + q];
                }
            }
        }
        return target;
    }

    private static double[] inOrder(double[] values, int[] order) {
        double[] permuted = new double[values.length];
        for (int at = 0; at < values.length; at += order.length) {
            for (int q = 0; q < order.length; q++) {
                permuted[at + q] = values[at + order[q]];
            }
        }
        return permuted;
    }
}
