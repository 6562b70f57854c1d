package dev.quern.kernels;

import dev.quern.core.DenseWeight;
import dev.quern.core.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Panels of bfloat16 weights, two inputs of a row to an int: widening one is a shift or a mask.
record Bf16Panels(int rows, int cols, int[][] panels) implements Panels {
    private static final VectorSpecies<Float> F = VectorWidth.FLOATS;
    private static final VectorSpecies<Integer> I = VectorWidth.INTS;
    private static final int L = VectorWidth.LANES;

    static Bf16Panels of(DenseWeight weight) {
        int[][] panels = new int[Math.ceilDiv(weight.rows(), ROWS)][];
        Arrays.setAll(panels, p -> panel(weight, p));
        return new Bf16Panels(weight.rows(), weight.cols(), panels);
    }

    /// The weight's rows `64 · p …`.
    static int[] panel(DenseWeight weight, int p) {
        int cols = weight.cols();
        int words = Math.ceilDiv(cols, 2);
        int[] panel = new int[Math.multiplyExact(words, ROWS)];
        short[] row = new short[words * 2];
        for (int r = 0; r < Math.min(ROWS, weight.rows() - p * ROWS); r++) {
            MemorySegment.copy(weight.tensor().data(), Tensor.SHORT, 2L * (p * ROWS + r) * cols, row, 0, cols);
            for (int w = 0; w < words; w++) {
                panel[w * ROWS + r] = row[2 * w] & 0xFFFF | row[2 * w + 1] << 16;
            }
        }
        return panel;
    }

    @Override
    public InputOrder order() {
        return InputOrder.plain(cols);
    }

    @Override
    public long bytes() {
        return 4L * panels.length * ROWS * Math.ceilDiv(cols, 2);
    }

    @Override
    public void dot(int panel, float[] x, int xAt, float[] sums, int sumsAt, float[] y, int yAt, Scratch scratch) {
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
    public void unpack(int panel, float[] tile, Scratch scratch) {
        unpack(panels[panel], cols, tile);
    }

    /// Widens a panel of `cols` inputs.
    static void unpack(int[] w, int cols, float[] tile) {
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
        return two.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    }

    private static FloatVector high(IntVector two) {
        return two.and(0xFFFF0000).reinterpretAsFloats();
    }
}
