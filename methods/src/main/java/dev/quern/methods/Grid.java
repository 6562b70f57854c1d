package dev.quern.methods;

import dev.quern.core.DType;
import dev.quern.core.Floats;
import dev.quern.core.GroupedWeight;
import dev.quern.core.QuantScheme;
import dev.quern.core.Tensor;

/// The values that a matrix's weights may take: a scale and a zero point for each group of each row,
/// `x ≈ s · (q − z)`, `q` in `0 … qmax`.
///
/// Scales are always as their storage type holds them. Rows belong to whoever works on them; two threads may change
/// different rows.
final class Grid {
    /// Adding and subtracting it rounds a float below 2^22 to the nearest integer, half to even.
    private static final float ROUND = 12_582_912f;

    /// The smallest scale that survives in F16.
    private static final float MIN_SCALE = 6e-8f;

    private static final float MAX_SCALE = 65_504f;

    private final int rows;
    private final int cols;
    private final int groupSize;
    private final int groups;
    private final QuantScheme scheme;
    private final float[] scales;
    private final short[] zeros;

    Grid(int rows, int cols, QuantScheme scheme) {
        this.rows = rows;
        this.cols = cols;
        this.scheme = scheme;
        this.groupSize = scheme.groupSizeFor(cols);
        this.groups = (cols + groupSize - 1) / groupSize;
        this.scales = new float[Math.multiplyExact(rows, groups)];
        this.zeros = new short[scales.length];
    }

    /// A grid of its own with the same values.
    Grid copy() {
        Grid copy = new Grid(rows, cols, scheme);
        System.arraycopy(scales, 0, copy.scales, 0, scales.length);
        System.arraycopy(zeros, 0, copy.zeros, 0, zeros.length);
        return copy;
    }

    int rows() {
        return rows;
    }

    int cols() {
        return cols;
    }

    int groups() {
        return groups;
    }

    int groupSize() {
        return groupSize;
    }

    QuantScheme scheme() {
        return scheme;
    }

    /// The lowest zero point: asymmetric ones are at least 1, because the layout that most readers know stores `z − 1`.
    int minZero() {
        return scheme.symmetric() ? 1 << (scheme.bits() - 1) : 1;
    }

    float scale(int row, int group) {
        return scales[row * groups + group];
    }

    int zero(int row, int group) {
        return zeros[row * groups + group];
    }

    void set(int row, int group, float scale, int zero) {
        scales[row * groups + group] = scale;
        zeros[row * groups + group] = (short) zero;
    }

    /// Takes row `row` over from `other`.
    void copyRow(Grid other, int row) {
        System.arraycopy(other.scales, row * groups, scales, row * groups, groups);
        System.arraycopy(other.zeros, row * groups, zeros, row * groups, groups);
    }

    /// `scale` as the file will hold it: positive, finite, rounded to the storage type.
    float storable(double scale) {
        float bounded = (float) Math.clamp(scale, MIN_SCALE, MAX_SCALE);
        return Floats.round(scheme.scaleType(), bounded);
    }

    /// The code nearest to `x` in group `group` of row `row`.
    int code(int row, int group, float x) {
        int at = row * groups + group;
        return code(x, scales[at], zeros[at], scheme.qmax());
    }

    /// The value of code `q`.
    float value(int row, int group, int q) {
        int at = row * groups + group;
        return scales[at] * (q - zeros[at]);
    }

    /// `clamp(round(x / s) + z, 0, qmax)`, half to even.
    static int code(float x, float scale, int zero, int qmax) {
        return (int) steps(x, scale, -zero, qmax - zero) + zero;
    }

    /// `x / s` rounded to a whole number within `low … high`. Clamping first is the same as clamping last, since the
    /// bounds are whole; it keeps the rounding trick in its range.
    static float steps(float x, float scale, float low, float high) {
        float bounded = Math.min(Math.max(x / scale, low), high);
        return (bounded + ROUND) - ROUND;
    }

    /// The stored form of `codes [rows, cols]` on this grid.
    GroupedWeight pack(byte[] codes) {
        float[] turned = new float[scales.length];
        short[] turnedZeros = new short[scales.length];
        for (int row = 0; row < rows; row++) {
            for (int group = 0; group < groups; group++) {
                turned[group * rows + row] = scales[row * groups + group];
                turnedZeros[group * rows + row] = zeros[row * groups + group];
            }
        }
        DType type = scheme.scaleType();
        return GroupedWeight.pack(
                rows, cols, scheme.bits(), groupSize, codes, Tensor.of(type, turned, groups, rows), turnedZeros);
    }
}
