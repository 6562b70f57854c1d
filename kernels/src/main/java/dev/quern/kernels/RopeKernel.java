package dev.quern.kernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// Rotary embedding in place: pairs `(i, i + headDim/2)` of each head turn by the angle of the token's position.
///
/// Single-threaded.
public final class RopeKernel {
    private static final VectorSpecies<Float> F = VectorWidth.FLOATS;
    private static final int L = VectorWidth.LANES;

    private RopeKernel() {}

    /// Turns `x [tokens, heads · headDim]`; `cos` and `sin` hold `[tokens, headDim / 2]` from `tableOffset`.
    public static void apply(
            float[] x, int xOffset, int tokens, int heads, int headDim, float[] cos, float[] sin, int tableOffset) {
        int half = headDim / 2;
        Border.range("x", x, xOffset, (long) tokens * heads * headDim);
        Border.range("cos", cos, tableOffset, (long) tokens * half);
        Border.range("sin", sin, tableOffset, (long) tokens * half);
        for (int t = 0; t < tokens; t++) {
            for (int h = 0; h < heads; h++) {
                turn(x, xOffset + (t * heads + h) * headDim, half, cos, sin, tableOffset + t * half);
            }
        }
    }

    private static void turn(float[] x, int at, int half, float[] cos, float[] sin, int table) {
        int i = 0;
        if (!VectorWidth.SCALAR) {
            for (; i <= half - L; i += L) {
                FloatVector a = FloatVector.fromArray(F, x, at + i);
                FloatVector b = FloatVector.fromArray(F, x, at + half + i);
                FloatVector c = FloatVector.fromArray(F, cos, table + i);
                FloatVector s = FloatVector.fromArray(F, sin, table + i);
                a.mul(c).sub(b.mul(s)).intoArray(x, at + i);
                b.mul(c).add(a.mul(s)).intoArray(x, at + half + i);
            }
        }
        for (; i < half; i++) {
            float a = x[at + i];
            float b = x[at + half + i];
            float c = cos[table + i];
            float s = sin[table + i];
            x[at + i] = a * c - b * s;
            x[at + half + i] = b * c + a * s;
        }
    }
}
