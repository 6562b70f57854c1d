package dev.quern.kernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/// One token times a panel of 2-bit codes: 16 inputs of a row to an int.
///
/// Signed codes are cut out by a shift to the top and an arithmetic shift down; 2 vectors of rows share each broadcast
/// input. Even and odd inputs have sums of their own, to hide the latency of the multiply-add.
final class Codes2Dot {
    private static final VectorSpecies<Float> F = VectorWidth.FLOATS;
    private static final VectorSpecies<Integer> I = VectorWidth.INTS;
    private static final int L = VectorWidth.LANES;
    private static final int ROWS = Panels.ROWS;

    private Codes2Dot() {}

    /// See `CodePanels` for the arguments.
    static void dot(
            int[] w,
            int[] starts,
            float[] scales,
            float @Nullable [] zeros,
            float @Nullable [] minima,
            float bias,
            float[] x,
            int xAt,
            float[] sums,
            int sumsAt,
            float[] y,
            int yAt) {
        for (int lane = 0; lane < ROWS; lane += 2 * L) {
            FloatVector t0 = FloatVector.zero(F);
            FloatVector t1 = FloatVector.zero(F);
            int at = lane;
            for (int g = 0; g < starts.length - 1; g++) {
                FloatVector s0 = FloatVector.zero(F);
                FloatVector o0 = FloatVector.zero(F);
                FloatVector s1 = FloatVector.zero(F);
                FloatVector o1 = FloatVector.zero(F);
                int end = xAt + starts[g + 1];
                for (int k = xAt + starts[g]; k < end; k += 16, at += ROWS) {
                    IntVector w0 = IntVector.fromArray(I, w, at);
                    IntVector w1 = IntVector.fromArray(I, w, at + L);
                    FloatVector x0 = FloatVector.broadcast(F, x[k]);
                    s0 = x0.fma(
                            w0.lanewise(VectorOperators.LSHL, 30)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s0);
                    s1 = x0.fma(
                            w1.lanewise(VectorOperators.LSHL, 30)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s1);
                    FloatVector x1 = FloatVector.broadcast(F, x[k + 1]);
                    o0 = x1.fma(
                            w0.lanewise(VectorOperators.LSHL, 28)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            o0);
                    o1 = x1.fma(
                            w1.lanewise(VectorOperators.LSHL, 28)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            o1);
                    FloatVector x2 = FloatVector.broadcast(F, x[k + 2]);
                    s0 = x2.fma(
                            w0.lanewise(VectorOperators.LSHL, 26)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s0);
                    s1 = x2.fma(
                            w1.lanewise(VectorOperators.LSHL, 26)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s1);
                    FloatVector x3 = FloatVector.broadcast(F, x[k + 3]);
                    o0 = x3.fma(
                            w0.lanewise(VectorOperators.LSHL, 24)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            o0);
                    o1 = x3.fma(
                            w1.lanewise(VectorOperators.LSHL, 24)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            o1);
                    FloatVector x4 = FloatVector.broadcast(F, x[k + 4]);
                    s0 = x4.fma(
                            w0.lanewise(VectorOperators.LSHL, 22)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s0);
                    s1 = x4.fma(
                            w1.lanewise(VectorOperators.LSHL, 22)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s1);
                    FloatVector x5 = FloatVector.broadcast(F, x[k + 5]);
                    o0 = x5.fma(
                            w0.lanewise(VectorOperators.LSHL, 20)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            o0);
                    o1 = x5.fma(
                            w1.lanewise(VectorOperators.LSHL, 20)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            o1);
                    FloatVector x6 = FloatVector.broadcast(F, x[k + 6]);
                    s0 = x6.fma(
                            w0.lanewise(VectorOperators.LSHL, 18)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s0);
                    s1 = x6.fma(
                            w1.lanewise(VectorOperators.LSHL, 18)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s1);
                    FloatVector x7 = FloatVector.broadcast(F, x[k + 7]);
                    o0 = x7.fma(
                            w0.lanewise(VectorOperators.LSHL, 16)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            o0);
                    o1 = x7.fma(
                            w1.lanewise(VectorOperators.LSHL, 16)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            o1);
                    FloatVector x8 = FloatVector.broadcast(F, x[k + 8]);
                    s0 = x8.fma(
                            w0.lanewise(VectorOperators.LSHL, 14)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s0);
                    s1 = x8.fma(
                            w1.lanewise(VectorOperators.LSHL, 14)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s1);
                    FloatVector x9 = FloatVector.broadcast(F, x[k + 9]);
                    o0 = x9.fma(
                            w0.lanewise(VectorOperators.LSHL, 12)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            o0);
                    o1 = x9.fma(
                            w1.lanewise(VectorOperators.LSHL, 12)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            o1);
                    FloatVector x10 = FloatVector.broadcast(F, x[k + 10]);
                    s0 = x10.fma(
                            w0.lanewise(VectorOperators.LSHL, 10)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s0);
                    s1 = x10.fma(
                            w1.lanewise(VectorOperators.LSHL, 10)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s1);
                    FloatVector x11 = FloatVector.broadcast(F, x[k + 11]);
                    o0 = x11.fma(
                            w0.lanewise(VectorOperators.LSHL, 8)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            o0);
                    o1 = x11.fma(
                            w1.lanewise(VectorOperators.LSHL, 8)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            o1);
                    FloatVector x12 = FloatVector.broadcast(F, x[k + 12]);
                    s0 = x12.fma(
                            w0.lanewise(VectorOperators.LSHL, 6)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s0);
                    s1 = x12.fma(
                            w1.lanewise(VectorOperators.LSHL, 6)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s1);
                    FloatVector x13 = FloatVector.broadcast(F, x[k + 13]);
                    o0 = x13.fma(
                            w0.lanewise(VectorOperators.LSHL, 4)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            o0);
                    o1 = x13.fma(
                            w1.lanewise(VectorOperators.LSHL, 4)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            o1);
                    FloatVector x14 = FloatVector.broadcast(F, x[k + 14]);
                    s0 = x14.fma(
                            w0.lanewise(VectorOperators.LSHL, 2)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s0);
                    s1 = x14.fma(
                            w1.lanewise(VectorOperators.LSHL, 2)
                                    .lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s1);
                    FloatVector x15 = FloatVector.broadcast(F, x[k + 15]);
                    o0 = x15.fma(
                            w0.lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            o0);
                    o1 = x15.fma(
                            w1.lanewise(VectorOperators.ASHR, 30)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            o1);
                }
                s0 = s0.add(o0);
                s1 = s1.add(o1);
                int of = g * ROWS + lane;
                float sum = sums[sumsAt + g];
                if (zeros != null) {
                    s0 = FloatVector.fromArray(F, zeros, of).fma(FloatVector.broadcast(F, -sum), s0);
                    s1 = FloatVector.fromArray(F, zeros, of + L).fma(FloatVector.broadcast(F, -sum), s1);
                }
                if (minima != null) {
                    s0 = s0.add(bias * sum);
                    t0 = FloatVector.fromArray(F, minima, of).fma(FloatVector.broadcast(F, sum), t0);
                    s1 = s1.add(bias * sum);
                    t1 = FloatVector.fromArray(F, minima, of + L).fma(FloatVector.broadcast(F, sum), t1);
                }
                t0 = FloatVector.fromArray(F, scales, of).fma(s0, t0);
                t1 = FloatVector.fromArray(F, scales, of + L).fma(s1, t1);
            }
            t0.intoArray(y, yAt + lane);
            t1.intoArray(y, yAt + lane + L);
        }
    }
}
