package dev.quern.kernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/// One token times a panel of 4-bit codes: 8 inputs of a row to an int.
///
/// Signed codes are cut out by a shift to the top and an arithmetic shift down; 4 vectors of rows share each broadcast
/// input.
final class Codes4Dot {
    private static final VectorSpecies<Float> F = VectorWidth.FLOATS;
    private static final VectorSpecies<Integer> I = VectorWidth.INTS;
    private static final int L = VectorWidth.LANES;
    private static final int ROWS = Panels.ROWS;

    private Codes4Dot() {}

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
        for (int lane = 0; lane < ROWS; lane += 4 * L) {
            FloatVector t0 = FloatVector.zero(F);
            FloatVector t1 = FloatVector.zero(F);
            FloatVector t2 = FloatVector.zero(F);
            FloatVector t3 = FloatVector.zero(F);
            int at = lane;
            for (int g = 0; g < starts.length - 1; g++) {
                FloatVector s0 = FloatVector.zero(F);
                FloatVector s1 = FloatVector.zero(F);
                FloatVector s2 = FloatVector.zero(F);
                FloatVector s3 = FloatVector.zero(F);
                int end = xAt + starts[g + 1];
                for (int k = xAt + starts[g]; k < end; k += 8, at += ROWS) {
                    IntVector w0 = IntVector.fromArray(I, w, at);
                    IntVector w1 = IntVector.fromArray(I, w, at + L);
                    IntVector w2 = IntVector.fromArray(I, w, at + 2 * L);
                    IntVector w3 = IntVector.fromArray(I, w, at + 3 * L);
                    FloatVector x0 = FloatVector.broadcast(F, x[k]);
                    s0 = x0.fma(
                            w0.lanewise(VectorOperators.LSHL, 28)
                                    .lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s0);
                    s1 = x0.fma(
                            w1.lanewise(VectorOperators.LSHL, 28)
                                    .lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s1);
                    s2 = x0.fma(
                            w2.lanewise(VectorOperators.LSHL, 28)
                                    .lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s2);
                    s3 = x0.fma(
                            w3.lanewise(VectorOperators.LSHL, 28)
                                    .lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s3);
                    FloatVector x1 = FloatVector.broadcast(F, x[k + 1]);
                    s0 = x1.fma(
                            w0.lanewise(VectorOperators.LSHL, 24)
                                    .lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s0);
                    s1 = x1.fma(
                            w1.lanewise(VectorOperators.LSHL, 24)
                                    .lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s1);
                    s2 = x1.fma(
                            w2.lanewise(VectorOperators.LSHL, 24)
                                    .lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s2);
                    s3 = x1.fma(
                            w3.lanewise(VectorOperators.LSHL, 24)
                                    .lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s3);
                    FloatVector x2 = FloatVector.broadcast(F, x[k + 2]);
                    s0 = x2.fma(
                            w0.lanewise(VectorOperators.LSHL, 20)
                                    .lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s0);
                    s1 = x2.fma(
                            w1.lanewise(VectorOperators.LSHL, 20)
                                    .lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s1);
                    s2 = x2.fma(
                            w2.lanewise(VectorOperators.LSHL, 20)
                                    .lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s2);
                    s3 = x2.fma(
                            w3.lanewise(VectorOperators.LSHL, 20)
                                    .lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s3);
                    FloatVector x3 = FloatVector.broadcast(F, x[k + 3]);
                    s0 = x3.fma(
                            w0.lanewise(VectorOperators.LSHL, 16)
                                    .lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s0);
                    s1 = x3.fma(
                            w1.lanewise(VectorOperators.LSHL, 16)
                                    .lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s1);
                    s2 = x3.fma(
                            w2.lanewise(VectorOperators.LSHL, 16)
                                    .lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s2);
                    s3 = x3.fma(
                            w3.lanewise(VectorOperators.LSHL, 16)
                                    .lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s3);
                    FloatVector x4 = FloatVector.broadcast(F, x[k + 4]);
                    s0 = x4.fma(
                            w0.lanewise(VectorOperators.LSHL, 12)
                                    .lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s0);
                    s1 = x4.fma(
                            w1.lanewise(VectorOperators.LSHL, 12)
                                    .lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s1);
                    s2 = x4.fma(
                            w2.lanewise(VectorOperators.LSHL, 12)
                                    .lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s2);
                    s3 = x4.fma(
                            w3.lanewise(VectorOperators.LSHL, 12)
                                    .lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s3);
                    FloatVector x5 = FloatVector.broadcast(F, x[k + 5]);
                    s0 = x5.fma(
                            w0.lanewise(VectorOperators.LSHL, 8)
                                    .lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s0);
                    s1 = x5.fma(
                            w1.lanewise(VectorOperators.LSHL, 8)
                                    .lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s1);
                    s2 = x5.fma(
                            w2.lanewise(VectorOperators.LSHL, 8)
                                    .lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s2);
                    s3 = x5.fma(
                            w3.lanewise(VectorOperators.LSHL, 8)
                                    .lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s3);
                    FloatVector x6 = FloatVector.broadcast(F, x[k + 6]);
                    s0 = x6.fma(
                            w0.lanewise(VectorOperators.LSHL, 4)
                                    .lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s0);
                    s1 = x6.fma(
                            w1.lanewise(VectorOperators.LSHL, 4)
                                    .lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s1);
                    s2 = x6.fma(
                            w2.lanewise(VectorOperators.LSHL, 4)
                                    .lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s2);
                    s3 = x6.fma(
                            w3.lanewise(VectorOperators.LSHL, 4)
                                    .lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s3);
                    FloatVector x7 = FloatVector.broadcast(F, x[k + 7]);
                    s0 = x7.fma(
                            w0.lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s0);
                    s1 = x7.fma(
                            w1.lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s1);
                    s2 = x7.fma(
                            w2.lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s2);
                    s3 = x7.fma(
                            w3.lanewise(VectorOperators.ASHR, 28)
                                    .convert(VectorOperators.I2F, 0)
                                    .reinterpretAsFloats(),
                            s3);
                }
                int of = g * ROWS + lane;
                float sum = sums[sumsAt + g];
                if (zeros != null) {
                    s0 = FloatVector.fromArray(F, zeros, of).fma(FloatVector.broadcast(F, -sum), s0);
                    s1 = FloatVector.fromArray(F, zeros, of + L).fma(FloatVector.broadcast(F, -sum), s1);
                    s2 = FloatVector.fromArray(F, zeros, of + 2 * L).fma(FloatVector.broadcast(F, -sum), s2);
                    s3 = FloatVector.fromArray(F, zeros, of + 3 * L).fma(FloatVector.broadcast(F, -sum), s3);
                }
                if (minima != null) {
                    s0 = s0.add(bias * sum);
                    t0 = FloatVector.fromArray(F, minima, of).fma(FloatVector.broadcast(F, sum), t0);
                    s1 = s1.add(bias * sum);
                    t1 = FloatVector.fromArray(F, minima, of + L).fma(FloatVector.broadcast(F, sum), t1);
                    s2 = s2.add(bias * sum);
                    t2 = FloatVector.fromArray(F, minima, of + 2 * L).fma(FloatVector.broadcast(F, sum), t2);
                    s3 = s3.add(bias * sum);
                    t3 = FloatVector.fromArray(F, minima, of + 3 * L).fma(FloatVector.broadcast(F, sum), t3);
                }
                t0 = FloatVector.fromArray(F, scales, of).fma(s0, t0);
                t1 = FloatVector.fromArray(F, scales, of + L).fma(s1, t1);
                t2 = FloatVector.fromArray(F, scales, of + 2 * L).fma(s2, t2);
                t3 = FloatVector.fromArray(F, scales, of + 3 * L).fma(s3, t3);
            }
            t0.intoArray(y, yAt + lane);
            t1.intoArray(y, yAt + lane + L);
            t2.intoArray(y, yAt + lane + 2 * L);
            t3.intoArray(y, yAt + lane + 3 * L);
        }
    }
}
