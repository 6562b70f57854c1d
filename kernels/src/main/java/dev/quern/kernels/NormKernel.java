package dev.quern.kernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// Root-mean-square norm of rows: `y = x / sqrt(mean(x²) + eps) · (weight + offset)`.
///
/// A head norm is the same with a row per head. `x` and `y` may be the same. Single-threaded.
public final class NormKernel {
    private static final VectorSpecies<Float> F = VectorWidth.FLOATS;
    private static final int L = VectorWidth.LANES;

    private NormKernel() {}

    /// Norms each of `rows` rows of `x [rows, weight.length]` into `y`.
    public static void rmsNorm(
            float[] x, int xOffset, int rows, float[] weight, float offset, float eps, float[] y, int yOffset) {
        int size = weight.length;
        Border.range("x", x, xOffset, (long) rows * size);
        Border.range("y", y, yOffset, (long) rows * size);
        for (int row = 0; row < rows; row++) {
            int at = xOffset + row * size;
            float squares = VectorWidth.SCALAR ? squaresScalar(x, at, size) : squares(x, at, size);
            float factor = (float) (1 / Math.sqrt((double) squares / size + eps));
            if (VectorWidth.SCALAR) {
                applyScalar(x, at, size, factor, weight, offset, y, yOffset + row * size);
            } else {
                apply(x, at, size, factor, weight, offset, y, yOffset + row * size);
            }
        }
    }

    private static float squares(float[] x, int at, int n) {
        // two sums hide the latency of the multiply-add
        FloatVector first = FloatVector.zero(F);
        FloatVector second = FloatVector.zero(F);
        int i = 0;
        for (; i <= n - 2 * L; i += 2 * L) {
            FloatVector a = FloatVector.fromArray(F, x, at + i);
            FloatVector b = FloatVector.fromArray(F, x, at + i + L);
            first = a.fma(a, first);
            second = b.fma(b, second);
        }
        return LaneSum.of(first.add(second)) + squaresScalar(x, at + i, n - i);
    }

    private static void apply(
            float[] x, int at, int n, float factor, float[] weight, float offset, float[] y, int yAt) {
        int i = 0;
        for (; i <= n - L; i += L) {
            FloatVector w = FloatVector.fromArray(F, weight, i).add(offset);
            FloatVector.fromArray(F, x, at + i).mul(factor).mul(w).intoArray(y, yAt + i);
        }
        for (; i < n; i++) {
            y[yAt + i] = x[at + i] * factor * (weight[i] + offset);
        }
    }

    static float squaresScalar(float[] x, int at, int n) {
        float sum = 0;
        for (int i = 0; i < n; i++) {
            sum += x[at + i] * x[at + i];
        }
        return sum;
    }

    static void applyScalar(float[] x, int at, int n, float factor, float[] weight, float offset, float[] y, int yAt) {
        for (int i = 0; i < n; i++) {
            y[yAt + i] = x[at + i] * factor * (weight[i] + offset);
        }
    }
}
