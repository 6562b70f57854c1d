package dev.quern.kernels;

import dev.quern.core.PackedWeight;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// Panels of plain floats: `panels[p][k · 64 + r]`.
record FloatPanels(int rows, int cols, float[][] panels) implements Panels {
    private static final VectorSpecies<Float> F = VectorWidth.FLOATS;
    private static final int L = VectorWidth.LANES;

    /// Panels of any weight's floats.
    static FloatPanels of(PackedWeight weight) {
        float[][] panels = new float[Math.ceilDiv(weight.rows(), ROWS)][];
        Arrays.setAll(panels, p -> panel(weight, p));
        return new FloatPanels(weight.rows(), weight.cols(), panels);
    }

    /// The weight's rows `64 · p …`.
    static float[] panel(PackedWeight weight, int p) {
        int cols = weight.cols();
        float[] panel = new float[Math.multiplyExact(cols, ROWS)];
        float[] row = new float[cols];
        for (int r = 0; r < Math.min(ROWS, weight.rows() - p * ROWS); r++) {
            weight.unpackRow(p * ROWS + r, row, 0);
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
        return 4L * panels.length * ROWS * cols;
    }

    @Override
    public void dot(int panel, float[] x, int xAt, float[] sums, int sumsAt, float[] y, int yAt, Scratch scratch) {
        dot(panels[panel], cols, x, xAt, y, yAt, false);
    }

    /// Sets `y[yAt … yAt + 64)` to, or adds, the product of `w [inputs, 64]` and `inputs` floats of x.
    static void dot(float[] w, int inputs, float[] x, int xAt, float[] y, int yAt, boolean add) {
        // four sums hide the latency of the multiply-add; at 512 bits they are the whole panel
        for (int lane = 0; lane < ROWS; lane += 4 * L) {
            FloatVector s0 = FloatVector.zero(F);
            FloatVector s1 = s0;
            FloatVector s2 = s0;
            FloatVector s3 = s0;
            if (add) {
                s0 = FloatVector.fromArray(F, y, yAt + lane);
                s1 = FloatVector.fromArray(F, y, yAt + lane + L);
                s2 = FloatVector.fromArray(F, y, yAt + lane + 2 * L);
                s3 = FloatVector.fromArray(F, y, yAt + lane + 3 * L);
            }
            for (int k = 0, at = lane; k < inputs; k++, at += ROWS) {
                FloatVector a = FloatVector.broadcast(F, x[xAt + k]);
                s0 = a.fma(FloatVector.fromArray(F, w, at), s0);
                s1 = a.fma(FloatVector.fromArray(F, w, at + L), s1);
                s2 = a.fma(FloatVector.fromArray(F, w, at + 2 * L), s2);
                s3 = a.fma(FloatVector.fromArray(F, w, at + 3 * L), s3);
            }
            s0.intoArray(y, yAt + lane);
            s1.intoArray(y, yAt + lane + L);
            s2.intoArray(y, yAt + lane + 2 * L);
            s3.intoArray(y, yAt + lane + 3 * L);
        }
    }

    @Override
    public void unpack(int panel, float[] tile, Scratch scratch) {
        System.arraycopy(panels[panel], 0, tile, 0, cols * ROWS);
    }
}
