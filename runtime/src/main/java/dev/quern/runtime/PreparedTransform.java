package dev.quern.runtime;

import dev.quern.core.DenseWeight;
import dev.quern.core.Tensor;
import dev.quern.kernels.HadamardKernel;
import dev.quern.kernels.Kernels;
import dev.quern.kernels.PreparedLinear;
import dev.quern.kernels.Workers;
import dev.quern.models.InputTransform;

/// An `InputTransform` on the kernels: replaces rows by their images.
@FunctionalInterface
interface PreparedTransform {
    /// Replaces the rows of `x` where they lie.
    void apply(Rows x, Workers workers);

    static PreparedTransform of(InputTransform transform) {
        return switch (transform) {
            case InputTransform.Diagonal(float[] factors) -> (x, workers) -> scale(x, factors, workers);
            case InputTransform.Full(int n, float[] matrix) -> {
                PreparedLinear product = product(matrix, n);
                yield (x, workers) -> right(x, product, x.rows(), workers);
            }
            case InputTransform.Kronecker(int n1, float[] left, int n2, float[] right) -> {
                PreparedLinear l = product(left, n1);
                PreparedLinear r = product(right, n2);
                yield (x, workers) -> {
                    right(x, r, x.rows() * n1, workers);
                    left(x, l, n1, n2, workers);
                };
            }
            case InputTransform.Hadamard hadamard -> hadamard(hadamard);
        };
    }

    private static PreparedTransform hadamard(InputTransform.Hadamard hadamard) {
        int k = hadamard.power();
        int m = hadamard.odd();
        float factor = (float) (1 / Math.sqrt(k));
        double[] hartley = InputTransform.Hadamard.hartley(m);
        float[] narrow = new float[hartley.length];
        for (int i = 0; i < narrow.length; i++) {
            narrow[i] = (float) hartley[i];
        }
        PreparedLinear odd = product(narrow, m);
        return (x, workers) -> {
            scale(x, hadamard.signs(), workers);
            workers.ranges(
                    x.rows() * m,
                    Math.max(1, 4096 / k),
                    (from, to) -> HadamardKernel.apply(x.data(), from * k, to - from, k, factor));
            if (m > 1) {
                left(x, odd, m, k, workers);
            }
        };
    }

    private static void scale(Rows x, float[] factors, Workers workers) {
        workers.ranges(x.rows(), Math.max(1, 16384 / x.cols()), (from, to) -> {
            float[] data = x.data();
            for (int at = from * x.cols(); at < to * x.cols(); at += factors.length) {
                for (int i = 0; i < factors.length; i++) {
                    data[at + i] *= factors[i];
                }
            }
        });
    }

    /// `x · a` for `a [n, n]`.
    private static PreparedLinear product(float[] a, int n) {
        float[] transposed = new float[a.length];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                transposed[j * n + i] = a[i * n + j];
            }
        }
        return Kernels.prepare(new DenseWeight(Tensor.of(transposed, n, n)));
    }

    private static void right(Rows x, PreparedLinear product, int rows, Workers workers) {
        float[] image = new float[x.data().length];
        product.multiply(x.data(), 0, rows, image, 0, workers);
        System.arraycopy(image, 0, x.data(), 0, image.length);
    }

    /// Each row as a matrix `X [n1, n2]` becomes `aᵀ · X`.
    private static void left(Rows x, PreparedLinear product, int n1, int n2, Workers workers) {
        float[] turned = new float[x.data().length];
        float[] image = new float[turned.length];
        workers.ranges(x.rows(), 1, (from, to) -> transpose(x.data(), from, to, n1, n2, turned));
        product.multiply(turned, 0, x.rows() * n2, image, 0, workers);
        workers.ranges(x.rows(), 1, (from, to) -> transpose(image, from, to, n2, n1, x.data()));
    }

    /// Turns the matrices `[n1, n2]` numbered `from … to − 1` of `x` into `[n2, n1]`.
    private static void transpose(float[] x, int from, int to, int n1, int n2, float[] y) {
        for (int matrix = from; matrix < to; matrix++) {
            int at = matrix * n1 * n2;
            for (int i = 0; i < n1; i++) {
                for (int j = 0; j < n2; j++) {
                    y[at + j * n1 + i] = x[at + i * n2 + j];
                }
            }
        }
    }
}
