package dev.quern.kernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// The inner block of every matrix product at 512 bits: 24 accumulators of 32 registers, 4 for B, 1 for A.
final class Tile6x4 {
    private static final VectorSpecies<Float> F = VectorWidth.FLOATS;
    private static final int L = VectorWidth.LANES;

    /// Rows of A that one call multiplies.
    static final int ROWS = 6;

    /// Columns of B that one call multiplies.
    static final int COLS = 4 * L;

    private Tile6x4() {}

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
        FloatVector s02 = FloatVector.zero(F);
        FloatVector s03 = FloatVector.zero(F);
        FloatVector s10 = FloatVector.zero(F);
        FloatVector s11 = FloatVector.zero(F);
        FloatVector s12 = FloatVector.zero(F);
        FloatVector s13 = FloatVector.zero(F);
        FloatVector s20 = FloatVector.zero(F);
        FloatVector s21 = FloatVector.zero(F);
        FloatVector s22 = FloatVector.zero(F);
        FloatVector s23 = FloatVector.zero(F);
        FloatVector s30 = FloatVector.zero(F);
        FloatVector s31 = FloatVector.zero(F);
        FloatVector s32 = FloatVector.zero(F);
        FloatVector s33 = FloatVector.zero(F);
        FloatVector s40 = FloatVector.zero(F);
        FloatVector s41 = FloatVector.zero(F);
        FloatVector s42 = FloatVector.zero(F);
        FloatVector s43 = FloatVector.zero(F);
        FloatVector s50 = FloatVector.zero(F);
        FloatVector s51 = FloatVector.zero(F);
        FloatVector s52 = FloatVector.zero(F);
        FloatVector s53 = FloatVector.zero(F);
        for (int p = 0, q = b0; p < k; p++, q += bStride) {
            FloatVector w0 = FloatVector.fromArray(F, b, q);
            FloatVector w1 = FloatVector.fromArray(F, b, q + L);
            FloatVector w2 = FloatVector.fromArray(F, b, q + 2 * L);
            FloatVector w3 = FloatVector.fromArray(F, b, q + 3 * L);
            FloatVector x0 = FloatVector.broadcast(F, a[a0 + p]);
            s00 = x0.fma(w0, s00);
            s01 = x0.fma(w1, s01);
            s02 = x0.fma(w2, s02);
            s03 = x0.fma(w3, s03);
            FloatVector x1 = FloatVector.broadcast(F, a[a1 + p]);
            s10 = x1.fma(w0, s10);
            s11 = x1.fma(w1, s11);
            s12 = x1.fma(w2, s12);
            s13 = x1.fma(w3, s13);
            FloatVector x2 = FloatVector.broadcast(F, a[a2 + p]);
            s20 = x2.fma(w0, s20);
            s21 = x2.fma(w1, s21);
            s22 = x2.fma(w2, s22);
            s23 = x2.fma(w3, s23);
            FloatVector x3 = FloatVector.broadcast(F, a[a3 + p]);
            s30 = x3.fma(w0, s30);
            s31 = x3.fma(w1, s31);
            s32 = x3.fma(w2, s32);
            s33 = x3.fma(w3, s33);
            FloatVector x4 = FloatVector.broadcast(F, a[a4 + p]);
            s40 = x4.fma(w0, s40);
            s41 = x4.fma(w1, s41);
            s42 = x4.fma(w2, s42);
            s43 = x4.fma(w3, s43);
            FloatVector x5 = FloatVector.broadcast(F, a[a5 + p]);
            s50 = x5.fma(w0, s50);
            s51 = x5.fma(w1, s51);
            s52 = x5.fma(w2, s52);
            s53 = x5.fma(w3, s53);
        }
        if (add) {
            s00 = s00.add(FloatVector.fromArray(F, c, c0));
            s01 = s01.add(FloatVector.fromArray(F, c, c0 + 1 * L));
            s02 = s02.add(FloatVector.fromArray(F, c, c0 + 2 * L));
            s03 = s03.add(FloatVector.fromArray(F, c, c0 + 3 * L));
            s10 = s10.add(FloatVector.fromArray(F, c, c1));
            s11 = s11.add(FloatVector.fromArray(F, c, c1 + 1 * L));
            s12 = s12.add(FloatVector.fromArray(F, c, c1 + 2 * L));
            s13 = s13.add(FloatVector.fromArray(F, c, c1 + 3 * L));
            s20 = s20.add(FloatVector.fromArray(F, c, c2));
            s21 = s21.add(FloatVector.fromArray(F, c, c2 + 1 * L));
            s22 = s22.add(FloatVector.fromArray(F, c, c2 + 2 * L));
            s23 = s23.add(FloatVector.fromArray(F, c, c2 + 3 * L));
            s30 = s30.add(FloatVector.fromArray(F, c, c3));
            s31 = s31.add(FloatVector.fromArray(F, c, c3 + 1 * L));
            s32 = s32.add(FloatVector.fromArray(F, c, c3 + 2 * L));
            s33 = s33.add(FloatVector.fromArray(F, c, c3 + 3 * L));
            s40 = s40.add(FloatVector.fromArray(F, c, c4));
            s41 = s41.add(FloatVector.fromArray(F, c, c4 + 1 * L));
            s42 = s42.add(FloatVector.fromArray(F, c, c4 + 2 * L));
            s43 = s43.add(FloatVector.fromArray(F, c, c4 + 3 * L));
            s50 = s50.add(FloatVector.fromArray(F, c, c5));
            s51 = s51.add(FloatVector.fromArray(F, c, c5 + 1 * L));
            s52 = s52.add(FloatVector.fromArray(F, c, c5 + 2 * L));
            s53 = s53.add(FloatVector.fromArray(F, c, c5 + 3 * L));
        }
        s00.intoArray(c, c0);
        s01.intoArray(c, c0 + 1 * L);
        s02.intoArray(c, c0 + 2 * L);
        s03.intoArray(c, c0 + 3 * L);
        s10.intoArray(c, c1);
        s11.intoArray(c, c1 + 1 * L);
        s12.intoArray(c, c1 + 2 * L);
        s13.intoArray(c, c1 + 3 * L);
        s20.intoArray(c, c2);
        s21.intoArray(c, c2 + 1 * L);
        s22.intoArray(c, c2 + 2 * L);
        s23.intoArray(c, c2 + 3 * L);
        s30.intoArray(c, c3);
        s31.intoArray(c, c3 + 1 * L);
        s32.intoArray(c, c3 + 2 * L);
        s33.intoArray(c, c3 + 3 * L);
        s40.intoArray(c, c4);
        s41.intoArray(c, c4 + 1 * L);
        s42.intoArray(c, c4 + 2 * L);
        s43.intoArray(c, c4 + 3 * L);
        s50.intoArray(c, c5);
        s51.intoArray(c, c5 + 1 * L);
        s52.intoArray(c, c5 + 2 * L);
        s53.intoArray(c, c5 + 3 * L);
    }
}
