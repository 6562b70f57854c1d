package dev.quern.kernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// One token times a group of a panel of 8-bit codes: 4 inputs of a row to an int, the first on top.
///
/// The topmost code is shifted down with its sign, then the next one up. Four vectors of rows share each broadcast
/// input and hide the latency of the multiply-add. Helper methods would not be inlined here and box every vector.
final class Codes8Dot {
    private static final VectorSpecies<Float> F = VectorWidth.FLOATS;
    private static final VectorSpecies<Integer> I = VectorWidth.INTS;
    private static final int L = VectorWidth.LANES;
    private static final int ROWS = Panels.ROWS;
    private static final int BITS = 8;
    private static final int EACH = 4;

    private Codes8Dot() {}

    /// Sets `part[partAt … partAt + 64)` to the sums of `code · x` over the inputs `x[from … to)`, whose words begin at
    /// `wAt`.
    static void dot(int[] w, int wAt, float[] x, int from, int to, float[] part, int partAt) {
        for (int lane = 0; lane < ROWS; lane += 4 * L) {
            FloatVector s0 = FloatVector.zero(F);
            FloatVector s1 = s0;
            FloatVector s2 = s0;
            FloatVector s3 = s0;
            int at = wAt + lane;
            for (int k = from; k < to; k += EACH, at += ROWS) {
                IntVector w0 = IntVector.fromArray(I, w, at);
                IntVector w1 = IntVector.fromArray(I, w, at + L);
                IntVector w2 = IntVector.fromArray(I, w, at + 2 * L);
                IntVector w3 = IntVector.fromArray(I, w, at + 3 * L);
                for (int n = 0; n < EACH; n++) {
                    FloatVector a = FloatVector.broadcast(F, x[k + n]);
                    IntVector c0 = w0.lanewise(VectorOperators.ASHR, 32 - BITS);
                    IntVector c1 = w1.lanewise(VectorOperators.ASHR, 32 - BITS);
                    IntVector c2 = w2.lanewise(VectorOperators.ASHR, 32 - BITS);
                    IntVector c3 = w3.lanewise(VectorOperators.ASHR, 32 - BITS);
                    s0 = a.fma(c0.convert(VectorOperators.I2F, 0).reinterpretAsFloats(), s0);
                    s1 = a.fma(c1.convert(VectorOperators.I2F, 0).reinterpretAsFloats(), s1);
                    s2 = a.fma(c2.convert(VectorOperators.I2F, 0).reinterpretAsFloats(), s2);
                    s3 = a.fma(c3.convert(VectorOperators.I2F, 0).reinterpretAsFloats(), s3);
                    w0 = w0.lanewise(VectorOperators.LSHL, BITS);
                    w1 = w1.lanewise(VectorOperators.LSHL, BITS);
                    w2 = w2.lanewise(VectorOperators.LSHL, BITS);
                    w3 = w3.lanewise(VectorOperators.LSHL, BITS);
                }
            }
            s0.intoArray(part, partAt + lane);
            s1.intoArray(part, partAt + lane + L);
            s2.intoArray(part, partAt + lane + 2 * L);
            s3.intoArray(part, partAt + lane + 3 * L);
        }
    }
}
