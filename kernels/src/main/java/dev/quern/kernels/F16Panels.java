package dev.quern.kernels;

import dev.quern.core.DenseWeight;
import dev.quern.core.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// Panels of float16 weights: `panels[p][k · 64 + r]`.
///
/// Halves are widened by a plain loop, which the compiler turns into the processor's own conversion (the Vector API has
/// none, and what it takes to compute one costs three times as much); one token widens a few inputs at a time into the
/// first cache.
record F16Panels(int rows, int cols, short[][] panels) implements Panels {
    /// Inputs widened at a time: 32 · 64 floats are 8 KiB.
    private static final int STEP = 32;

    static F16Panels of(DenseWeight weight) {
        short[][] panels = new short[Math.ceilDiv(weight.rows(), ROWS)][];
        Arrays.setAll(panels, p -> panel(weight, p));
        return new F16Panels(weight.rows(), weight.cols(), panels);
    }

    /// The weight's rows `64 · p …`.
    static short[] panel(DenseWeight weight, int p) {
        int cols = weight.cols();
        short[] panel = new short[Math.multiplyExact(cols, ROWS)];
        short[] row = new short[cols];
        for (int r = 0; r < Math.min(ROWS, weight.rows() - p * ROWS); r++) {
            MemorySegment.copy(weight.tensor().data(), Tensor.SHORT, 2L * (p * ROWS + r) * cols, row, 0, cols);
            for (int k = 0, at = r; k < cols; k++, at += ROWS) {
                panel[at] = row[k];
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
        return 2L * panels.length * ROWS * cols;
    }

    @Override
    public void dot(int panel, float[] x, int xAt, float[] sums, int sumsAt, float[] y, int yAt, Scratch scratch) {
        short[] w = panels[panel];
        float[] tile = scratch.floats(Scratch.TILE, STEP * ROWS);
        for (int k = 0; k < cols; k += STEP) {
            int inputs = Math.min(STEP, cols - k);
            widen(w, k * ROWS, tile, 0, inputs * ROWS);
            FloatPanels.dot(tile, inputs, x, xAt + k, y, yAt, k > 0);
        }
    }

    @Override
    public void unpack(int panel, float[] tile, Scratch scratch) {
        widen(panels[panel], 0, tile, 0, cols * ROWS);
    }

    static void widen(short[] halves, int at, float[] target, int targetAt, int count) {
        for (int i = 0; i < count; i++) {
            target[targetAt + i] = Float.float16ToFloat(halves[at + i]);
        }
    }
}
