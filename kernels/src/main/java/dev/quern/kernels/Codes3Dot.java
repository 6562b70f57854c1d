package dev.quern.kernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// One token times a group of a panel of 3-bit codes: 32 inputs of a row to three ints.
///
/// Each int holds ten codes, the first on top, and two bits at the bottom: the upper bits of code 30 in the first int,
/// of code 31 in the third, and in the second int the lowest bit of each. Two vectors of rows, each with a sum for
/// every
/// int, share the broadcast inputs. Helper methods would not be inlined here and box every vector.
final class Codes3Dot {
    private static final VectorSpecies<Float> F = VectorWidth.FLOATS;
    private static final VectorSpecies<Integer> I = VectorWidth.INTS;
    private static final int L = VectorWidth.LANES;
    private static final int ROWS = Panels.ROWS;

    private Codes3Dot() {}

    /// Packs the codes at `codes[0 … 32)` into `target[at]`, `[at + 64]` and `[at + 128]`.
    static void pack(int[] codes, int[] target, int at) {
        for (int word = 0; word < 3; word++) {
            int packed = 0;
            for (int n = 0; n < 10; n++) {
                packed = packed << 3 | codes[word * 10 + n] & 7;
            }
            int rest = switch (word) {
                case 0 -> codes[30] >> 1;
                case 1 -> codes[30] << 1 & 2 | codes[31] & 1;
                default -> codes[31] >> 1;
            };
            target[at + word * ROWS] = packed << 2 | rest & 3;
        }
    }

    /// Sets `part[partAt … partAt + 64)` to the sums of `code · x` over the inputs `x[from … to)`, whose words begin at
    /// `wAt`.
    static void dot(int[] w, int wAt, float[] x, int from, int to, float[] part, int partAt) {
        for (int lane = 0; lane < ROWS; lane += 2 * L) {
            FloatVector s00 = FloatVector.zero(F);
            FloatVector s01 = s00;
            FloatVector s02 = s00;
            FloatVector s10 = s00;
            FloatVector s11 = s00;
            FloatVector s12 = s00;
            int at = wAt + lane;
            for (int k = from; k < to; k += 32, at += 3 * ROWS) {
                IntVector w00 = IntVector.fromArray(I, w, at);
                IntVector w01 = IntVector.fromArray(I, w, at + ROWS);
                IntVector w02 = IntVector.fromArray(I, w, at + 2 * ROWS);
                IntVector w10 = IntVector.fromArray(I, w, at + L);
                IntVector w11 = IntVector.fromArray(I, w, at + ROWS + L);
                IntVector w12 = IntVector.fromArray(I, w, at + 2 * ROWS + L);
                for (int n = 0; n < 10; n++) {
                    FloatVector x0 = FloatVector.broadcast(F, x[k + n]);
                    FloatVector x1 = FloatVector.broadcast(F, x[k + 10 + n]);
                    FloatVector x2 = FloatVector.broadcast(F, x[k + 20 + n]);
                    IntVector c00 = w00.lanewise(VectorOperators.ASHR, 29);
                    IntVector c01 = w01.lanewise(VectorOperators.ASHR, 29);
                    IntVector c02 = w02.lanewise(VectorOperators.ASHR, 29);
                    IntVector c10 = w10.lanewise(VectorOperators.ASHR, 29);
                    IntVector c11 = w11.lanewise(VectorOperators.ASHR, 29);
                    IntVector c12 = w12.lanewise(VectorOperators.ASHR, 29);
                    s00 = x0.fma(c00.convert(VectorOperators.I2F, 0).reinterpretAsFloats(), s00);
                    s01 = x1.fma(c01.convert(VectorOperators.I2F, 0).reinterpretAsFloats(), s01);
                    s02 = x2.fma(c02.convert(VectorOperators.I2F, 0).reinterpretAsFloats(), s02);
                    s10 = x0.fma(c10.convert(VectorOperators.I2F, 0).reinterpretAsFloats(), s10);
                    s11 = x1.fma(c11.convert(VectorOperators.I2F, 0).reinterpretAsFloats(), s11);
                    s12 = x2.fma(c12.convert(VectorOperators.I2F, 0).reinterpretAsFloats(), s12);
                    w00 = w00.lanewise(VectorOperators.LSHL, 3);
                    w01 = w01.lanewise(VectorOperators.LSHL, 3);
                    w02 = w02.lanewise(VectorOperators.LSHL, 3);
                    w10 = w10.lanewise(VectorOperators.LSHL, 3);
                    w11 = w11.lanewise(VectorOperators.LSHL, 3);
                    w12 = w12.lanewise(VectorOperators.LSHL, 3);
                }
                // what is left of each int stands in its upper two bits
                FloatVector x30 = FloatVector.broadcast(F, x[k + 30]);
                FloatVector x31 = FloatVector.broadcast(F, x[k + 31]);
                IntVector c30 = w00.or(w01.lanewise(VectorOperators.LSHR, 2)).lanewise(VectorOperators.ASHR, 29);
                IntVector d30 = w10.or(w11.lanewise(VectorOperators.LSHR, 2)).lanewise(VectorOperators.ASHR, 29);
                IntVector low0 = w01.lanewise(VectorOperators.LSHL, 1).lanewise(VectorOperators.LSHR, 2);
                IntVector low1 = w11.lanewise(VectorOperators.LSHL, 1).lanewise(VectorOperators.LSHR, 2);
                IntVector c31 = w02.or(low0).lanewise(VectorOperators.ASHR, 29);
                IntVector d31 = w12.or(low1).lanewise(VectorOperators.ASHR, 29);
                s00 = x30.fma(c30.convert(VectorOperators.I2F, 0).reinterpretAsFloats(), s00);
                s10 = x30.fma(d30.convert(VectorOperators.I2F, 0).reinterpretAsFloats(), s10);
                s01 = x31.fma(c31.convert(VectorOperators.I2F, 0).reinterpretAsFloats(), s01);
                s11 = x31.fma(d31.convert(VectorOperators.I2F, 0).reinterpretAsFloats(), s11);
            }
            s00.add(s01).add(s02).intoArray(part, partAt + lane);
            s10.add(s11).add(s12).intoArray(part, partAt + lane + L);
        }
    }

    /// Writes the codes of `from … to − 1` as floats to `tile[k · 64 + lane]`, for one vector of rows at `wAt`.
    static void unpack(int[] w, int wAt, int from, int to, float[] tile, int lane) {
        for (int k = from, at = wAt; k < to; k += 32, at += 3 * ROWS) {
            IntVector w0 = IntVector.fromArray(I, w, at);
            IntVector w1 = IntVector.fromArray(I, w, at + ROWS);
            IntVector w2 = IntVector.fromArray(I, w, at + 2 * ROWS);
            for (int n = 0; n < 10; n++) {
                int target = (k + n) * ROWS + lane;
                IntVector c0 = w0.lanewise(VectorOperators.ASHR, 29);
                IntVector c1 = w1.lanewise(VectorOperators.ASHR, 29);
                IntVector c2 = w2.lanewise(VectorOperators.ASHR, 29);
                c0.convert(VectorOperators.I2F, 0).reinterpretAsFloats().intoArray(tile, target);
                c1.convert(VectorOperators.I2F, 0).reinterpretAsFloats().intoArray(tile, target + 10 * ROWS);
                c2.convert(VectorOperators.I2F, 0).reinterpretAsFloats().intoArray(tile, target + 20 * ROWS);
                w0 = w0.lanewise(VectorOperators.LSHL, 3);
                w1 = w1.lanewise(VectorOperators.LSHL, 3);
                w2 = w2.lanewise(VectorOperators.LSHL, 3);
            }
            IntVector c30 = w0.or(w1.lanewise(VectorOperators.LSHR, 2)).lanewise(VectorOperators.ASHR, 29);
            IntVector low = w1.lanewise(VectorOperators.LSHL, 1).lanewise(VectorOperators.LSHR, 2);
            IntVector c31 = w2.or(low).lanewise(VectorOperators.ASHR, 29);
            c30.convert(VectorOperators.I2F, 0).reinterpretAsFloats().intoArray(tile, (k + 30) * ROWS + lane);
            c31.convert(VectorOperators.I2F, 0).reinterpretAsFloats().intoArray(tile, (k + 31) * ROWS + lane);
        }
    }
}
