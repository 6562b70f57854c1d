package dev.quern.models;

/// Rotary position embedding of one kind of layer: pairs `(i, i + headDim/2)` turn by `position · frequency[i]`.
///
/// `frequencies [headDim / 2]` in radians per position, scaling already applied; `attentionFactor` multiplies cos and
/// sin
/// (yarn). The arrays belong to the record. Weights are always in the Hugging Face row order (halves, not interleaved).
public record Rope(int headDim, double[] frequencies, float attentionFactor) {
    /// cos and sin of positions `from … from + count`, each `[count, headDim / 2]`, attention factor applied.
    public float[][] table(int from, int count) {
        int half = headDim / 2;
        float[] cos = new float[Math.multiplyExact(count, half)];
        float[] sin = new float[count * half];
        for (int p = 0; p < count; p++) {
            for (int i = 0; i < half; i++) {
                double angle = (from + p) * frequencies[i];
                cos[p * half + i] = (float) (Math.cos(angle) * attentionFactor);
                sin[p * half + i] = (float) (Math.sin(angle) * attentionFactor);
            }
        }
        return new float[][] {cos, sin};
    }
}
