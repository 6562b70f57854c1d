package dev.quern.core;

/// How a Linear's input is held while it is multiplied: `bits` 4, 6 or 8, or 16 for floats as they are.
///
/// Dynamic: each token's range is taken when it runs, so every token has its own scale. Static: one range for the whole
/// tensor, found by calibration and stored. The grid is that of `QuantParams`, codes `0 … 2^bits − 1`:
///
/// - symmetric: `s = 2 · max|x| / (2^bits − 1)`, `z = 2^(bits−1)`;
/// - asymmetric: the range is stretched to hold 0, `s = (max − min) / (2^bits − 1)`, `z = round(−min / s)`.
///
/// A dynamic range may be cut to its share `clip` at both ends: few large values are worth less than a finer grid. Only
/// under 8 bits, where it pays; no other program's files say it.
public record ActivationScheme(int bits, boolean symmetric, boolean perToken, boolean dynamic, float clip) {
    private static final float LEAST_CLIP = 0.5f;

    /// Inputs stay floats.
    public static final ActivationScheme FLOAT = new ActivationScheme(16, true, true, true);

    /// The same with whole ranges.
    public ActivationScheme(int bits, boolean symmetric, boolean perToken, boolean dynamic) {
        this(bits, symmetric, perToken, dynamic, 1);
    }

    public ActivationScheme {
        if (bits != 4 && bits != 6 && bits != 8 && bits != 16) {
            throw new UsageException("act-bits is 4, 6, 8 or 16, not " + bits);
        }
        if (perToken != dynamic) {
            throw new UsageException(
                    perToken
                            ? "a static range belongs to a whole tensor, not to a token: use static with one range, or dynamic"
                            : "a dynamic range is taken for each token: over a whole tensor it would depend on how the"
                                    + " text is cut; use static");
        }
        if (!(clip >= LEAST_CLIP && clip <= 1)) {
            throw new UsageException("act-clip is " + LEAST_CLIP + " … 1, not " + clip);
        }
        if (clip < 1 && (!dynamic || bits >= 8)) {
            throw new UsageException("act-clip cuts the range of each token at 4 and 6 bits: leave it out "
                    + (dynamic ? "at " + bits : "where ranges are stored, which are cut where that loses least"));
        }
    }

    /// A range for each token, taken when it runs.
    public static ActivationScheme dynamic(int bits, boolean symmetric) {
        return new ActivationScheme(bits, symmetric, true, true);
    }

    /// The same with ranges cut to a share.
    public ActivationScheme withClip(float share) {
        return new ActivationScheme(bits, symmetric, perToken, dynamic, share);
    }

    /// One stored range for the whole tensor.
    public static ActivationScheme fixed(int bits, boolean symmetric) {
        return new ActivationScheme(bits, symmetric, false, false);
    }

    /// False where inputs stay floats.
    public boolean quantizes() {
        return bits < 16;
    }

    /// The largest code.
    public int qmax() {
        return (1 << bits) - 1;
    }

    /// Scale and zero point for values in `min … max`; where all are 0, the scale is 1.
    public QuantParams params(float min, float max) {
        float scale = scale(min, max);
        return new QuantParams(scale, zeroPoint(min, scale));
    }

    /// The scale alone.
    public float scale(float min, float max) {
        return usable(
                symmetric
                        ? Math.max(Math.abs(min), Math.abs(max)) * 2 / qmax()
                        : (Math.max(max, 0) - Math.min(min, 0)) / qmax());
    }

    /// The zero point that belongs to `scale`.
    public int zeroPoint(float min, float scale) {
        return symmetric ? 1 << (bits - 1) : Math.clamp((int) Math.rint(-Math.min(min, 0) / scale), 0, qmax());
    }

    /// Scale and zero point of one token; throws `IllegalArgumentException` where a value is not finite.
    public QuantParams params(float[] x, int offset, int count) {
        float min = 0;
        float max = 0;
        for (int i = offset; i < offset + count; i++) {
            min = Math.min(min, x[i]);
            max = Math.max(max, x[i]);
        }
        return tokenParams(min, max);
    }

    /// Scale and zero point of a token whose values are `min … max`.
    public QuantParams tokenParams(float min, float max) {
        return params(clip * min, clip * max);
    }

    /// Replaces values by what their codes stand for: the oracle of every kernel that takes quantized inputs.
    public void roundTrip(QuantParams params, float[] x, int offset, int count) {
        for (int i = offset; i < offset + count; i++) {
            x[i] = params.dequantize(params.quantize(x[i], qmax()));
        }
    }

    /// For instance `a8 dynamic symmetric`.
    @Override
    public String toString() {
        return quantizes()
                ? "a" + bits + (dynamic ? " dynamic" : " static") + (symmetric ? " symmetric" : " asymmetric")
                        + (clip < 1 ? " clip " + clip : "")
                : "a16";
    }

    private static float usable(float scale) {
        // a scale below the normal floats would overflow its reciprocal; such a token is zero for every purpose
        return scale < Float.MIN_NORMAL ? 1 : scale;
    }
}
