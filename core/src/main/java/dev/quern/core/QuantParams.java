package dev.quern.core;

/// Scale and zero point of one group of values: the project's one convention.
///
/// `q = clamp(round(x / s) + z, 0, qmax)`, `x ≈ s · (q − z)`, round half to even, `s > 0`, z an integer in `0 … qmax`.
/// Codes are stored unsigned; a signed reading shifts q and z together.
public record QuantParams(float scale, int zeroPoint) {
    public QuantParams {
        if (!(scale > 0) || scale == Float.POSITIVE_INFINITY) {
            throw new IllegalArgumentException("scale is positive and finite, not " + scale);
        }
    }

    /// The code of `x`.
    public int quantize(float x, int qmax) {
        int q = (int) Math.rint(x / scale) + zeroPoint;
        return Math.clamp(q, 0, qmax);
    }

    /// The value that code `q` stands for.
    public float dequantize(int q) {
        return scale * (q - zeroPoint);
    }
}
