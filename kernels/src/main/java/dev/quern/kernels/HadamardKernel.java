package dev.quern.kernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// The fast Walsh-Hadamard transform of rows whose length is a power of two, in place, normalised.
public final class HadamardKernel {
    private static final VectorSpecies<Float> F = VectorWidth.FLOATS;
    private static final int L = VectorWidth.LANES;

    private HadamardKernel() {}

    /// Each of `rows` consecutive rows of `k` floats becomes its product with the Hadamard matrix, times `factor`.
    public static void apply(float[] x, int offset, int rows, int k, float factor) {
        if (k < 1 || Integer.bitCount(k) != 1) {
            throw new IllegalArgumentException("a Hadamard transform takes a power of two, not " + k);
        }
        Border.range("x", x, offset, (long) rows * k);
        for (int row = 0, at = offset; row < rows; row++, at += k) {
            for (int half = 1; half < k; half *= 2) {
                if (!VectorWidth.SCALAR && half >= L) {
                    wide(x, at, k, half);
                } else {
                    narrow(x, at, k, half);
                }
            }
        }
        Elementwise.scale(x, offset, factor, x, offset, rows * k);
    }

    private static void wide(float[] x, int at, int k, int half) {
        for (int i = at; i < at + k; i += 2 * half) {
            for (int j = i; j < i + half; j += L) {
                FloatVector a = FloatVector.fromArray(F, x, j);
                FloatVector b = FloatVector.fromArray(F, x, j + half);
                a.add(b).intoArray(x, j);
                a.sub(b).intoArray(x, j + half);
            }
        }
    }

    private static void narrow(float[] x, int at, int k, int half) {
        for (int i = at; i < at + k; i += 2 * half) {
            for (int j = i; j < i + half; j++) {
                float a = x[j];
                float b = x[j + half];
                x[j] = a + b;
                x[j + half] = a - b;
            }
        }
    }
}
