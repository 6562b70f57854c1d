package dev.quern.methods;

import dev.quern.torch.TorchTensor;
import java.util.Arrays;

/// Invertible matrices and their inverses, both `[count, n, n]` in float64, in the open scope.
record MatrixPair(TorchTensor matrix, TorchTensor inverse) {
    /// The largest gap between `A · A⁻¹` and the identity.
    double residual() {
        TorchTensor identity = TorchTensor.identity(matrix.size(1)).toDouble();
        return largest(matrix.matmul(inverse).sub(identity).abs());
    }

    /// The largest condition number `‖A‖₁ · ‖A⁻¹‖₁`.
    double condition() {
        double[] direct = norms(matrix);
        double[] inverted = norms(inverse);
        double condition = 0;
        for (int i = 0; i < direct.length; i++) {
            condition = worse(condition, direct[i] * inverted[i]);
        }
        return condition;
    }

    /// The smallest `(|A_ii| − Σ_{j≠i} |A_ij|) / |A_ii|` of any row: above 0 the matrices are strictly diagonally
    /// dominant, hence invertible (Levy–Desplanques).
    double dominanceMargin() {
        int n = matrix.size(1);
        double[] values = matrix.toDoubles();
        double margin = Double.POSITIVE_INFINITY;
        for (int row = 0; row < values.length / n; row++) {
            double diagonal = Math.abs(values[row * n + row % n]);
            double others = -diagonal;
            for (int col = 0; col < n; col++) {
                others += Math.abs(values[row * n + col]);
            }
            margin = Math.min(margin, (diagonal - others) / diagonal);
        }
        return margin;
    }

    private static double[] norms(TorchTensor matrices) {
        return matrices.abs().sum(1).max(2).toDoubles();
    }

    private static double largest(TorchTensor values) {
        return Arrays.stream(values.toDoubles()).reduce(0, MatrixPair::worse);
    }

    /// The larger of two, NaN if either is.
    private static double worse(double a, double b) {
        return Math.max(a, b);
    }
}
