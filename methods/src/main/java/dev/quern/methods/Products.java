package dev.quern.methods;

import dev.quern.torch.Torch;
import dev.quern.torch.TorchScope;
import dev.quern.torch.TorchTensor;
import java.util.Arrays;
import java.util.function.UnaryOperator;

/// Products of tall float64 matrices with a square one, in libtorch, rows spread over the workers.
///
/// Rows go in strips of fixed length, so results do not depend on the number of threads.
final class Products {
    /// Rows of a task.
    static final int STRIP = 64;

    private Products() {}

    /// `a · b` for `a [rows, n]`, `b [n, n]`.
    static double[] multiply(double[] a, int rows, double[] b, int n, Parallel parallel) {
        double[] result = new double[a.length];
        TorchScope.run(() -> {
            TorchTensor right = TorchTensor.of(b, n, n);
            strips(a, rows, n, result, x -> x.matmul(right), parallel);
        });
        return result;
    }

    /// `x` with `x · r · rᵀ = y` for `y [rows, n]` and the upper triangular `r [n, n]`.
    static double[] solve(double[] y, int rows, double[] r, int n, Parallel parallel) {
        double[] result = new double[y.length];
        TorchScope.run(() -> {
            TorchTensor upper = TorchTensor.of(r, n, n);
            TorchTensor lower = upper.transpose();
            UnaryOperator<TorchTensor> both =
                    x -> upper.solveTriangularRight(lower.solveTriangularRight(x, false), true);
            strips(y, rows, n, result, both, parallel);
        });
        return result;
    }

    private static void strips(
            double[] source, int rows, int n, double[] target, UnaryOperator<TorchTensor> body, Parallel parallel) {
        parallel.run(
                (rows + STRIP - 1) / STRIP,
                task -> TorchScope.run(() -> {
                    int from = task * STRIP;
                    int to = Math.min(rows, from + STRIP);
                    double[] strip = Arrays.copyOfRange(source, from * n, to * n);
                    double[] found = Torch.noGrad(() ->
                            body.apply(TorchTensor.of(strip, to - from, n)).toDoubles());
                    System.arraycopy(found, 0, target, from * n, found.length);
                }));
    }

    /// `a[i] · b[i]` of each row.
    static double[] rowDots(double[] a, double[] b, int rows) {
        int n = rows == 0 ? 0 : a.length / rows;
        double[] dots = new double[rows];
        for (int row = 0; row < rows; row++) {
            dots[row] = Axpy.dot(a, row * n, b, row * n, n);
        }
        return dots;
    }
}
