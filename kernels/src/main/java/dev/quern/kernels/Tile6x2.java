package dev.quern.kernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// The inner block of every matrix product at 128 and 256 bits: 12 accumulators of 16 registers, 2 for B, 1 for A.
final class Tile6x2 {
    private static final VectorSpecies<Float> F = VectorWidth.FLOATS;
    private static final int L = VectorWidth.LANES;

    /// Rows of A that one call multiplies.
    static final int ROWS = 6;

    /// Columns of B that one call multiplies.
    static final int COLS = 2 * L;

    private Tile6x2() {}

    /// Adds to (`add`) or sets `C[m, COLS]` from `A[m, k] · B[k, COLS]`, `1 ≤ m`; rows from `ROWS` on are left to the
    /// next call. Strides in floats.
    static void multiply(
            float[] a,
            int a0,
            int aStride,
            int m,
            float[] b,
            int b0,
            int bStride,
            int k,
            float[] c,
            int c0,
            int cStride,
            boolean add) {
        int a1 = a0 + (m > 1 ? aStride : 0);
        int a2 = a1 + (m > 2 ? aStride : 0);
        int a3 = a2 + (m > 3 ? aStride : 0);
        int a4 = a3 + (m > 4 ? aStride : 0);
        int a5 = a4 + (m > 5 ? aStride : 0);
        int c1 = c0 + (m > 1 ? cStride : 0);
        int c2 = c1 + (m > 2 ? cStride : 0);
        int c3 = c2 + (m > 3 ? cStride : 0);
        int c4 = c3 + (m > 4 ? cStride : 0);
        int c5 = c4 + (m > 5 ? cStride : 0);
        FloatVector s00 = FloatVector.zero(F);
        FloatVector s01 = FloatVector.zero(F);
        FloatVector s10 = FloatVector.zero(F);
        FloatVector s11 = FloatVector.zero(F);
        FloatVector s20 = FloatVector.zero(F);
        FloatVector s21 = FloatVector.zero(F);
        FloatVector s30 = FloatVector.zero(F);
        FloatVector s31 = FloatVector.zero(F);
        FloatVector s40 = FloatVector.zero(F);
        FloatVector s41 = FloatVector.zero(F);
        FloatVector s50 = FloatVector.zero(F);
        FloatVector s51 = FloatVector.zero(F);
        for (int p = 0, q = b0; p < k; p++, q += bStride) {
            FloatVector w0 = FloatVector.fromArray(F, b, q);
            FloatVector w1 = FloatVector.fromArray(F, b, q + L);
            FloatVector x0 = FloatVector.broadcast(F, a[a0 + p]);
            s00 = x0.fma(w0, s00);
            s01 = x0.fma(w1, s01);
            FloatVector x1 = FloatVector.broadcast(F, a[a1 + p]);
            s10 = x1.fma(w0, s10);
            s11 = x1.fma(w1, s11);
            FloatVector x2 = FloatVector.broadcast(F, a[a2 + p]);
            s20 = x2.fma(w0, s20);
            s21 = x2.fma(w1, s21);
            FloatVector x3 = FloatVector.broadcast(F, a[a3 + p]);
            s30 = x3.fma(w0, s30);
            s31 = x3.fma(w1, s31);
            FloatVector x4 = FloatVector.broadcast(F, a[a4 + p]);
            s40 = x4.fma(w0, s40);
            s41 = x4.fma(w1, s41);
            FloatVector x5 = FloatVector.broadcast(F, a[a5 + p]);
            s50 = x5.fma(w0, s50);
            s51 = x5.fma(w1, s51);
        }
        if (add) {
            s00 = s00.add(FloatVector.fromArray(F, c, c0));
            s01 = s01.add(FloatVector.fromArray(F, c, c0 + 1 * L));
            s10 = s10.add(FloatVector.fromArray(F, c, c1));
            s11 = s11.add(FloatVector.fromArray(F, c, c1 + 1 * L));
            s20 = s20.add(FloatVector.fromArray(F, c, c2));
            s21 = s21.add(FloatVector.fromArray(F, c, c2 + 1 * L));
            s30 = s30.add(FloatVector.fromArray(F, c, c3));
            s31 = s31.add(FloatVector.fromArray(F, c, c3 + 1 * L));
            s40 = s40.add(FloatVector.fromArray(F, c, c4));
            s41 = s41.add(FloatVector.fromArray(F, c, c4 + 1 * L));
            s50 = s50.add(FloatVector.fromArray(F, c, c5));
            s51 = s51.add(FloatVector.fromArray(F, c, c5 + 1 * L));
        }
        s00.intoArray(c, c0);
        s01.intoArray(c, c0 + 1 * L);
        s10.intoArray(c, c1);
        s11.intoArray(c, c1 + 1 * L);
        s20.intoArray(c, c2);
        s21.intoArray(c, c2 + 1 * L);
        s30.intoArray(c, c3);
        s31.intoArray(c, c3 + 1 * L);
        s40.intoArray(c, c4);
        s41.intoArray(c, c4 + 1 * L);
        s50.intoArray(c, c5);
        s51.intoArray(c, c5 + 1 * L);
    }
}
