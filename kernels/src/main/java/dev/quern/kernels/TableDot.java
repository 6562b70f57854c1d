package dev.quern.kernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// One token times a group of a panel of 4-bit codes that stand for the values of a table: 8 inputs of a row to an int,
/// the first on top.
///
/// The table lies in one vector of 16 lanes or two of 8, and each code picks its lane: as fast as widening the code
/// would be. Narrower vectors have no such step; `USABLE` tells. Helper methods would not be inlined here and box every
/// vector.
final class TableDot {
    /// True where vectors are wide enough.
    static final boolean USABLE = VectorWidth.LANES >= 8;

    /// Values of a table.
    static final int SIZE = 16;

    private static final VectorSpecies<Float> F = VectorWidth.FLOATS;
    private static final VectorSpecies<Integer> I = VectorWidth.INTS;
    private static final int L = VectorWidth.LANES;
    private static final int ROWS = Panels.ROWS;
    private static final int BITS = 4;
    private static final int EACH = 8;
    private static final boolean ONE = L == SIZE;

    private TableDot() {}

    /// Sets `part[partAt … partAt + 64)` to the sums of `table[code] · x` over the inputs `x[from … to)`, whose words
    /// begin at `wAt`; `table` holds the bits of 16 floats.
    static void dot(int[] table, int[] w, int wAt, float[] x, int from, int to, float[] part, int partAt) {
        IntVector t0 = IntVector.fromArray(I, table, 0);
        IntVector t1 = ONE ? t0 : IntVector.fromArray(I, table, L);
        for (int lane = 0; lane < ROWS; lane += 2 * L) {
            FloatVector s0 = FloatVector.zero(F);
            FloatVector s1 = s0;
            int at = wAt + lane;
            for (int k = from; k < to; k += EACH, at += ROWS) {
                IntVector w0 = IntVector.fromArray(I, w, at);
                IntVector w1 = IntVector.fromArray(I, w, at + L);
                for (int n = 0; n < EACH; n++) {
                    FloatVector a = FloatVector.broadcast(F, x[k + n]);
                    IntVector c0 = w0.lanewise(VectorOperators.LSHR, 32 - BITS);
                    IntVector c1 = w1.lanewise(VectorOperators.LSHR, 32 - BITS);
                    c0 = ONE ? c0.selectFrom(t0) : c0.selectFrom(t0, t1);
                    c1 = ONE ? c1.selectFrom(t0) : c1.selectFrom(t0, t1);
                    s0 = a.fma(c0.reinterpretAsFloats(), s0);
                    s1 = a.fma(c1.reinterpretAsFloats(), s1);
                    w0 = w0.lanewise(VectorOperators.LSHL, BITS);
                    w1 = w1.lanewise(VectorOperators.LSHL, BITS);
                }
            }
            s0.intoArray(part, partAt + lane);
            s1.intoArray(part, partAt + lane + L);
        }
    }

    /// Values of the places `from … to − 1` as floats, at one vector of rows of a tile.
    static void unpack(int[] table, int[] w, int lane, int from, int to, float[] tile) {
        IntVector t0 = IntVector.fromArray(I, table, 0);
        IntVector t1 = ONE ? t0 : IntVector.fromArray(I, table, L);
        for (int k = from; k < to; k += EACH) {
            IntVector word = IntVector.fromArray(I, w, k / EACH * ROWS + lane);
            for (int n = k; n < k + EACH; n++) {
                IntVector code = word.lanewise(VectorOperators.LSHR, 32 - BITS);
                code = ONE ? code.selectFrom(t0) : code.selectFrom(t0, t1);
                code.reinterpretAsFloats().intoArray(tile, n * ROWS + lane);
                word = word.lanewise(VectorOperators.LSHL, BITS);
            }
        }
    }
}
