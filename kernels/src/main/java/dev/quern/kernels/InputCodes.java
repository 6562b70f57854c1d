package dev.quern.kernels;

import dev.quern.core.ActivationScheme;
import dev.quern.core.QuantParams;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/// Activations as signed integer codes, a scale and a zero point for each token: `x ≈ scale · (code − zero)`.
///
/// Codes lie in floats, because the float units multiply them as exactly as integer units do (docs/adr/005). Rows are
/// padded to a multiple of 4 with zeros. The memory is used again by the next `quantize`. To the bit
/// the same as `ActivationScheme`, except that a token with a value that is not finite gets the scale NaN. For one
/// thread; `quantize` and `dequantize` split their work over the workers.
public final class InputCodes {
    /// Codes of a row are padded to a multiple of this.
    static final int GRANULE = 4;

    private static final VectorSpecies<Float> F = VectorWidth.FLOATS;
    private static final int L = VectorWidth.LANES;

    /// Adding and subtracting it rounds a small float to the nearest integer, halves to even.
    private static final float ROUND = 0x1.8p23f;

    private float[] codes = new float[0];
    private float[] scales = new float[0];
    private int[] zeros = new int[0];
    private int[] exact = new int[0];
    private int tokens;
    private int cols;
    private int stride;

    /// Takes `x [tokens, cols]` at `xOffset` by `scheme`; `range` is a static scheme's, null for a dynamic one. The
    /// columns `exact` get the code of 0 and do not count for the range.
    public void quantize(
            ActivationScheme scheme,
            @Nullable QuantParams range,
            int[] exact,
            float[] x,
            int xOffset,
            int tokens,
            int cols,
            Workers workers) {
        Border.range("x", x, xOffset, (long) tokens * cols);
        this.tokens = tokens;
        this.cols = cols;
        this.exact = exact;
        stride = Math.ceilDiv(cols, GRANULE) * GRANULE;
        int size = Math.multiplyExact(tokens, stride);
        if (codes.length < size) {
            codes = new float[size];
        }
        if (scales.length < tokens) {
            scales = new float[tokens];
            zeros = new int[tokens];
        }
        int middle = 1 << (scheme.bits() - 1);
        if (tokens == 1) {
            row(scheme, range, x, xOffset, 0, middle);
            return;
        }
        workers.ranges(tokens, Math.max(1, 8192 / Math.max(1, cols)), (from, to) -> {
            for (int t = from; t < to; t++) {
                row(scheme, range, x, xOffset + t * cols, t, middle);
            }
        });
    }

    private void row(ActivationScheme scheme, @Nullable QuantParams range, float[] x, int at, int t, int middle) {
        int to = t * stride;
        System.arraycopy(x, at, codes, to, cols);
        for (int column : exact) {
            codes[to + column] = 0;
        }
        Arrays.fill(codes, to + cols, to + stride, 0f);
        float min = min(codes, to, cols);
        float max = max(codes, to, cols);
        // also false for NaN
        if (!(max - min < Float.POSITIVE_INFINITY)) {
            scales[t] = Float.NaN;
            zeros[t] = 0;
            Arrays.fill(codes, to, to + stride, 0f);
            return;
        }
        // as scheme.tokenParams, without an object for each token
        float low = scheme.clip() * min;
        float scale = range != null ? range.scale() : scheme.scale(low, scheme.clip() * max);
        int zeroPoint = range != null ? range.zeroPoint() : scheme.zeroPoint(low, scale);
        scales[t] = scale;
        zeros[t] = zeroPoint - middle;
        encode(codes, to, cols, scale, zeroPoint, scheme.qmax(), zeros[t]);
    }

    /// Replaces values by `clamp(round(x / scale), −z, qmax − z) + zero`.
    private static void encode(float[] x, int at, int n, float scale, int zeroPoint, int qmax, int zero) {
        float low = -zeroPoint;
        float high = qmax - zeroPoint;
        int i = 0;
        if (!VectorWidth.SCALAR) {
            for (; i <= n - L; i += L) {
                FloatVector.fromArray(F, x, at + i)
                        .div(scale)
                        .max(low)
                        .min(high)
                        .add(ROUND)
                        .sub(ROUND)
                        .add(zero)
                        .intoArray(x, at + i);
            }
        }
        for (; i < n; i++) {
            x[at + i] = (float) Math.rint(Math.min(Math.max(x[at + i] / scale, low), high)) + zero;
        }
    }

    private static float min(float[] x, int at, int n) {
        float least = 0;
        int i = 0;
        if (!VectorWidth.SCALAR && n >= L) {
            FloatVector some = FloatVector.zero(F);
            for (; i <= n - L; i += L) {
                some = some.min(FloatVector.fromArray(F, x, at + i));
            }
            least = some.reduceLanes(VectorOperators.MIN);
        }
        for (; i < n; i++) {
            least = Math.min(least, x[at + i]);
        }
        return least;
    }

    private static float max(float[] x, int at, int n) {
        float most = 0;
        int i = 0;
        if (!VectorWidth.SCALAR && n >= L) {
            FloatVector some = FloatVector.zero(F);
            for (; i <= n - L; i += L) {
                some = some.max(FloatVector.fromArray(F, x, at + i));
            }
            most = some.reduceLanes(VectorOperators.MAX);
        }
        for (; i < n; i++) {
            most = Math.max(most, x[at + i]);
        }
        return most;
    }

    /// What the codes stand for, `[tokens, cols]` into `y` at `yOffset`; the exact columns are `x`'s, from which the
    /// codes were made.
    public void dequantize(float[] x, int xOffset, float[] y, int yOffset, Workers workers) {
        Border.range("x", x, xOffset, (long) tokens * cols);
        Border.range("y", y, yOffset, (long) tokens * cols);
        if (tokens == 1) {
            dequantizeRow(0, x, xOffset, y, yOffset);
            return;
        }
        workers.ranges(tokens, Math.max(1, 8192 / Math.max(1, cols)), (from, to) -> {
            for (int t = from; t < to; t++) {
                dequantizeRow(t, x, xOffset + t * cols, y, yOffset + t * cols);
            }
        });
    }

    private void dequantizeRow(int t, float[] x, int xAt, float[] y, int yAt) {
        float zero = zeros[t];
        float scale = scales[t];
        for (int i = 0; i < cols; i++) {
            y[yAt + i] = scale * (codes[t * stride + i] - zero);
        }
        for (int column : exact) {
            y[yAt + column] = x[xAt + column];
        }
    }

    /// Rows of the last `quantize`.
    public int tokens() {
        return tokens;
    }

    /// Features of a row.
    public int cols() {
        return cols;
    }

    /// From one row of `codes` to the next.
    int stride() {
        return stride;
    }

    float[] codes() {
        return codes;
    }

    /// The scale of token `t`.
    public float scale(int t) {
        return scales[t];
    }

    /// The zero point of token `t`, of signed codes.
    public int zero(int t) {
        return zeros[t];
    }

    /// The signed code of one value.
    public int code(int t, int col) {
        return (int) codes[t * stride + col];
    }
}
