package dev.quern.runtime;

import dev.quern.core.DenseWeight;
import dev.quern.core.Tensor;
import dev.quern.kernels.HadamardKernel;
import dev.quern.kernels.Kernels;
import dev.quern.kernels.PreparedLinear;
import dev.quern.kernels.RangeBody;
import dev.quern.kernels.Workers;
import dev.quern.models.InputTransform;
import java.util.function.Supplier;

/// An `InputTransform` on the kernels: replaces rows by their images.
@FunctionalInterface
interface PreparedTransform {
    /// The step that replaces the rows of `x` where they lie, and can run again; it takes arrays as
    /// large as `x` from `scratch` and allocates nothing when it runs.
    Runnable of(Rows x, Supplier<float[]> scratch, Workers workers);

    static PreparedTransform of(InputTransform transform) {
        return switch (transform) {
            case InputTransform.Diagonal(float[] factors) -> (x, _, workers) -> scale(x, factors, workers);
            case InputTransform.Full(int n, float[] matrix) -> {
                PreparedLinear product = product(matrix, n);
                yield (x, scratch, workers) -> right(x, product, x.rows(), scratch.get(), workers);
            }
            case InputTransform.Kronecker(int n1, float[] left, int n2, float[] right) -> {
                PreparedLinear l = product(left, n1);
                PreparedLinear r = product(right, n2);
                yield (x, scratch, workers) -> {
                    float[] image = scratch.get();
                    Runnable first = right(x, r, x.rows() * n1, image, workers);
                    Runnable second = left(x, l, n1, n2, scratch.get(), image, workers);
                    return () -> {
                        first.run();
                        second.run();
                    };
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
        return (x, scratch, workers) -> {
            Runnable signs = scale(x, hadamard.signs(), workers);
            RangeBody body = (from, to) -> HadamardKernel.apply(x.data(), from * k, to - from, k, factor);
            Runnable last = m > 1 ? left(x, odd, m, k, scratch.get(), scratch.get(), workers) : () -> {};
            return () -> {
                signs.run();
                workers.ranges(x.rows() * m, Math.max(1, 4096 / k), body);
                last.run();
            };
        };
    }

    private static Runnable scale(Rows x, float[] factors, Workers workers) {
        float[] data = x.data();
        RangeBody body = (from, to) -> {
            for (int at = from * x.cols(); at < to * x.cols(); at += factors.length) {
                for (int i = 0; i < factors.length; i++) {
                    data[at + i] *= factors[i];
                }
            }
        };
        return () -> workers.ranges(x.rows(), Math.max(1, 16384 / x.cols()), body);
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

    private static Runnable right(Rows x, PreparedLinear product, int rows, float[] image, Workers workers) {
        Runnable multiply = product.tokens(x.data(), rows, image, workers);
        return () -> {
            multiply.run();
            System.arraycopy(image, 0, x.data(), 0, image.length);
        };
    }

    /// Each row as a matrix `X [n1, n2]` becomes `aᵀ · X`.
    private static Runnable left(
            Rows x, PreparedLinear product, int n1, int n2, float[] turned, float[] image, Workers workers) {
        RangeBody there = (from, to) -> transpose(x.data(), from, to, n1, n2, turned);
        RangeBody back = (from, to) -> transpose(image, from, to, n2, n1, x.data());
        Runnable multiply = product.tokens(turned, x.rows() * n2, image, workers);
        return () -> {
            workers.ranges(x.rows(), 1, there);
            multiply.run();
            workers.ranges(x.rows(), 1, back);
        };
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
