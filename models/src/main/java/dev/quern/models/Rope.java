package dev.quern.models;

import org.jspecify.annotations.Nullable;

/// Rotary position embedding of one kind of layer: pairs `(i, i + headDim/2)` turn by `position · frequency[i]`.
///
/// `frequencies [headDim / 2]` in radians per position, scaling applied; `attentionFactor` multiplies cos and sin
/// (yarn). `stretch` is set where the frequencies depend on the length of the text (dynamic NTK). The arrays belong
/// to the record. Weights are always in the Hugging Face row order (halves, not interleaved).
public record Rope(
        int headDim,
        double[] frequencies,
        float attentionFactor,
        @Nullable Stretch stretch) {
    /// Dynamic NTK scaling: past `maxPositions` the base grows with the length, by `factor`.
    public record Stretch(double base, double factor, int maxPositions) {}

    public Rope(int headDim, double[] frequencies, float attentionFactor) {
        this(headDim, frequencies, attentionFactor, null);
    }

    /// cos and sin of positions `from … from + count`, each `[count, headDim / 2]`, attention factor applied.
    public float[][] table(int from, int count) {
        return table(from, count, from + count);
    }

    /// The same for positions of a text of `length` tokens, which matters to dynamic NTK.
    public float[][] table(int from, int count, int length) {
        double[] turn = frequencies(length);
        int half = headDim / 2;
        float[] cos = new float[Math.multiplyExact(count, half)];
        float[] sin = new float[count * half];
        for (int p = 0; p < count; p++) {
            for (int i = 0; i < half; i++) {
                double angle = (from + p) * turn[i];
                cos[p * half + i] = (float) (Math.cos(angle) * attentionFactor);
                sin[p * half + i] = (float) (Math.sin(angle) * attentionFactor);
            }
        }
        return new float[][] {cos, sin};
    }

    /// The frequencies that hold for a text of `length` tokens.
    double[] frequencies(int length) {
        if (stretch == null || length <= stretch.maxPositions) {
            return frequencies;
        }
        double grown = stretch.factor * length / stretch.maxPositions - (stretch.factor - 1);
        return RopeScaling.plain(stretch.base * Math.pow(grown, headDim / (headDim - 2.0)), headDim);
    }
}
