package dev.quern.kernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Panels of finite float16 weights, two inputs of a row to an int.
record F16Panels(int rows, int cols, int[][] panels) implements Panels {
    private static final VectorSpecies<Float> F = VectorWidth.FLOATS;
    private static final VectorSpecies<Integer> I = VectorWidth.INTS;
    private static final int L = VectorWidth.LANES;

    @Override
    public InputOrder order() {
        return InputOrder.plain(cols);
    }

    @Override
    public long bytes() {
        return 4L * panels.length * ROWS * Math.ceilDiv(cols, 2);
    }

    @Override
    public void dot(int panel, float[] x, int xAt, float[] sums, int sumsAt, float[] y, int yAt) {
        int[] w = panels[panel];
        for (int lane = 0; lane < ROWS; lane += 4 * L) {
            FloatVector s0 = FloatVector.zero(F);
            FloatVector s1 = s0;
            FloatVector s2 = s0;
            FloatVector s3 = s0;
            int at = lane;
            int k = 0;
            for (; k < cols - 1; k += 2, at += ROWS) {
                IntVector w0 = IntVector.fromArray(I, w, at);
                IntVector w1 = IntVector.fromArray(I, w, at + L);
                IntVector w2 = IntVector.fromArray(I, w, at + 2 * L);
                IntVector w3 = IntVector.fromArray(I, w, at + 3 * L);
                FloatVector a = FloatVector.broadcast(F, x[xAt + k]);
                FloatVector b = FloatVector.broadcast(F, x[xAt + k + 1]);
                s0 = b.fma(high(w0), a.fma(low(w0), s0));
                s1 = b.fma(high(w1), a.fma(low(w1), s1));
                s2 = b.fma(high(w2), a.fma(low(w2), s2));
                s3 = b.fma(high(w3), a.fma(low(w3), s3));
            }
            if (k < cols) {
                FloatVector a = FloatVector.broadcast(F, x[xAt + k]);
                s0 = a.fma(low(IntVector.fromArray(I, w, at)), s0);
                s1 = a.fma(low(IntVector.fromArray(I, w, at + L)), s1);
                s2 = a.fma(low(IntVector.fromArray(I, w, at + 2 * L)), s2);
                s3 = a.fma(low(IntVector.fromArray(I, w, at + 3 * L)), s3);
            }
            s0.intoArray(y, yAt + lane);
            s1.intoArray(y, yAt + lane + L);
            s2.intoArray(y, yAt + lane + 2 * L);
            s3.intoArray(y, yAt + lane + 3 * L);
        }
    }

    @Override
    public void unpack(int panel, float[] tile) {
        int[] w = panels[panel];
        for (int k = 0; k < cols; k += 2) {
            boolean pair = k + 1 < cols;
            for (int lane = 0; lane < ROWS; lane += L) {
                IntVector two = IntVector.fromArray(I, w, k / 2 * ROWS + lane);
                low(two).intoArray(tile, k * ROWS + lane);
                if (pair) {
                    high(two).intoArray(tile, (k + 1) * ROWS + lane);
                }
            }
        }
    }

    private static FloatVector low(IntVector two) {
        return widen(two.and(0xFFFF));
    }

    private static FloatVector high(IntVector two) {
        return widen(two.lanewise(VectorOperators.LSHR, 16));
    }

    /// Widens finite halves. Normal ones move their exponent and mantissa; subnormal ones are small integers times
    /// 2^−24, converted as such, since a float subnormal on the way would cost a hundred cycles.
    private static FloatVector widen(IntVector half) {
        IntVector magnitude = half.and(0x7FFF);
        IntVector normal = magnitude.lanewise(VectorOperators.LSHL, 13).add(0x38000000);
        FloatVector small = ((FloatVector) magnitude.convert(VectorOperators.I2F, 0)).mul(0x1p-24f);
        IntVector sign = half.sub(magnitude).lanewise(VectorOperators.LSHL, 16);
        return normal.blend(small.viewAsIntegralLanes(), magnitude.lt(0x400))
                .or(sign)
                .viewAsFloatingLanes();
    }
}
