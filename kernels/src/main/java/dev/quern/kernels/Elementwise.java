package dev.quern.kernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// The operations between matrix products, element by element on `n` floats at offsets.
///
/// Source and target may be the same array at the same offset. Single-threaded; callers split rows over `Workers`.
/// Oracle: `ElementwiseScalar`.
public final class Elementwise {
    private static final VectorSpecies<Float> F = VectorWidth.FLOATS;
    private static final int L = VectorWidth.LANES;
    private static final float GELU_SCALE = (float) Math.sqrt(2 / Math.PI);

    private Elementwise() {}

    /// `y = a + b`.
    public static void add(float[] a, int aOffset, float[] b, int bOffset, float[] y, int yOffset, int n) {
        border(a, aOffset, b, bOffset, y, yOffset, n);
        if (VectorWidth.SCALAR) {
            ElementwiseScalar.add(a, aOffset, b, bOffset, y, yOffset, n);
            return;
        }
        int i = 0;
        for (; i <= n - L; i += L) {
            FloatVector.fromArray(F, a, aOffset + i)
                    .add(FloatVector.fromArray(F, b, bOffset + i))
                    .intoArray(y, yOffset + i);
        }
        if (i < n) {
            VectorMask<Float> rest = F.indexInRange(i, n);
            FloatVector.fromArray(F, a, aOffset + i, rest)
                    .add(FloatVector.fromArray(F, b, bOffset + i, rest))
                    .intoArray(y, yOffset + i, rest);
        }
    }

    /// Adds `bias [size]` to each of `rows` rows of `x [rows, size]`.
    public static void addBias(float[] x, int xOffset, int rows, float[] bias) {
        for (int row = 0; row < rows; row++) {
            int at = xOffset + row * bias.length;
            add(x, at, bias, 0, x, at, bias.length);
        }
    }

    /// `y = factor · x`.
    public static void scale(float[] x, int xOffset, float factor, float[] y, int yOffset, int n) {
        border(x, xOffset, x, xOffset, y, yOffset, n);
        if (VectorWidth.SCALAR) {
            ElementwiseScalar.scale(x, xOffset, factor, y, yOffset, n);
            return;
        }
        int i = 0;
        for (; i <= n - L; i += L) {
            FloatVector.fromArray(F, x, xOffset + i).mul(factor).intoArray(y, yOffset + i);
        }
        if (i < n) {
            VectorMask<Float> rest = F.indexInRange(i, n);
            FloatVector.fromArray(F, x, xOffset + i, rest).mul(factor).intoArray(y, yOffset + i, rest);
        }
    }

    /// `y = gate · sigmoid(gate) · up`.
    public static void siluGate(float[] gate, int gOffset, float[] up, int uOffset, float[] y, int yOffset, int n) {
        border(gate, gOffset, up, uOffset, y, yOffset, n);
        if (VectorWidth.SCALAR) {
            ElementwiseScalar.siluGate(gate, gOffset, up, uOffset, y, yOffset, n);
            return;
        }
        int i = 0;
        for (; i <= n - L; i += L) {
            FloatVector g = FloatVector.fromArray(F, gate, gOffset + i);
            FloatVector u = FloatVector.fromArray(F, up, uOffset + i);
            silu(g).mul(u).intoArray(y, yOffset + i);
        }
        if (i < n) {
            VectorMask<Float> rest = F.indexInRange(i, n);
            FloatVector g = FloatVector.fromArray(F, gate, gOffset + i, rest);
            FloatVector u = FloatVector.fromArray(F, up, uOffset + i, rest);
            silu(g).mul(u).intoArray(y, yOffset + i, rest);
        }
    }

    /// `y = gelu(gate) · up` with the tanh approximation of GELU.
    public static void geluTanhGate(float[] gate, int gOffset, float[] up, int uOffset, float[] y, int yOffset, int n) {
        border(gate, gOffset, up, uOffset, y, yOffset, n);
        if (VectorWidth.SCALAR) {
            ElementwiseScalar.geluTanhGate(gate, gOffset, up, uOffset, y, yOffset, n);
            return;
        }
        int i = 0;
        for (; i <= n - L; i += L) {
            FloatVector g = FloatVector.fromArray(F, gate, gOffset + i);
            FloatVector u = FloatVector.fromArray(F, up, uOffset + i);
            geluTanh(g).mul(u).intoArray(y, yOffset + i);
        }
        if (i < n) {
            VectorMask<Float> rest = F.indexInRange(i, n);
            FloatVector g = FloatVector.fromArray(F, gate, gOffset + i, rest);
            FloatVector u = FloatVector.fromArray(F, up, uOffset + i, rest);
            geluTanh(g).mul(u).intoArray(y, yOffset + i, rest);
        }
    }

    /// In place: `x ← exp(x − max x) / Σ exp(x − max x)`.
    public static void softmax(float[] x, int xOffset, int n) {
        border(x, xOffset, x, xOffset, x, xOffset, n);
        if (VectorWidth.SCALAR || n < L) {
            ElementwiseScalar.softmax(x, xOffset, n);
            return;
        }
        // the last vector overlaps the one before, which max does not mind
        FloatVector largest = FloatVector.fromArray(F, x, xOffset + n - L);
        int i = 0;
        for (; i <= n - L; i += L) {
            largest = largest.max(FloatVector.fromArray(F, x, xOffset + i));
        }
        float max = largest.reduceLanes(VectorOperators.MAX);
        FloatVector sum = FloatVector.zero(F);
        for (i = 0; i <= n - L; i += L) {
            FloatVector e =
                    VectorExp.exp(FloatVector.fromArray(F, x, xOffset + i).sub(max));
            e.intoArray(x, xOffset + i);
            sum = sum.add(e);
        }
        if (i < n) {
            VectorMask<Float> rest = F.indexInRange(i, n);
            FloatVector e =
                    VectorExp.exp(FloatVector.fromArray(F, x, xOffset + i, rest).sub(max));
            e.intoArray(x, xOffset + i, rest);
            sum = sum.add(e, rest);
        }
        scale(x, xOffset, 1 / LaneSum.of(sum), x, xOffset, n);
    }

    private static FloatVector silu(FloatVector g) {
        return g.div(VectorExp.exp(g.neg()).add(1f));
    }

    /// `0.5·g·(1 + tanh u) = g / (1 + exp(−2u))`.
    private static FloatVector geluTanh(FloatVector g) {
        FloatVector inner = g.mul(g).mul(0.044715f).add(1f).mul(g).mul(-2 * GELU_SCALE);
        return g.div(VectorExp.exp(inner).add(1f));
    }

    private static void border(float[] a, int aOffset, float[] b, int bOffset, float[] y, int yOffset, int n) {
        Border.range("a", a, aOffset, n);
        Border.range("b", b, bOffset, n);
        Border.range("y", y, yOffset, n);
    }
}
