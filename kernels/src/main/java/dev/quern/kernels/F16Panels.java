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
        // one vector of rows at a time: with more, the widening does not fit what the compiler inlines
        for (int lane = 0; lane < ROWS; lane += L) {
            FloatVector even = FloatVector.zero(F);
            FloatVector odd = even;
            int k = 0;
            for (int at = lane; k < cols - 1; k += 2, at += ROWS) {
                IntVector two = IntVector.fromArray(I, w, at);
                even = FloatVector.broadcast(F, x[xAt + k]).fma(low(two), even);
                odd = FloatVector.broadcast(F, x[xAt + k + 1]).fma(high(two), odd);
            }
            even.add(odd).intoArray(y, yAt + lane);
        }
        if (cols % 2 != 0) {
            lastInput(w, x[xAt + cols - 1], y, yAt);
        }
    }

    private void lastInput(int[] w, float x, float[] y, int yAt) {
        for (int r = 0; r < ROWS; r++) {
            y[yAt + r] = Math.fma(x, Float.float16ToFloat((short) w[cols / 2 * ROWS + r]), y[yAt + r]);
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

    /// Widens finite halves. A normal one moves its exponent and mantissa; a subnormal one does so as if it had the
    /// leading bit of the next exponent, which a subtraction takes away again. No float subnormal on the way, which
    /// would cost a hundred cycles; no lane masks, which the compiler boxes here.
    private static FloatVector widen(IntVector half) {
        IntVector magnitude = half.and(0x7FFF);
        IntVector subnormal = magnitude.sub(0x400).lanewise(VectorOperators.ASHR, 31);
        FloatVector shifted = magnitude
                .lanewise(VectorOperators.LSHL, 13)
                .add(0x38000000)
                .add(subnormal.and(0x00800000))
                .reinterpretAsFloats();
        IntVector value =
                shifted.sub(subnormal.and(0x38800000).reinterpretAsFloats()).reinterpretAsInts();
        return half.sub(magnitude).lanewise(VectorOperators.LSHL, 16).or(value).reinterpretAsFloats();
    }
}
