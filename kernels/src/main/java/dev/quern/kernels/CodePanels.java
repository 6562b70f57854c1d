package dev.quern.kernels;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/// Panels of signed integer codes of 2, 3, 4 or 8 bits, with a scale for each group of inputs of each row.
///
/// A weight is `scale · (code − zero)`, or `scale · (code + bias) + minimum`, or `scale · code`, in that order of
/// evaluation. Codes of consecutive inputs of a row are packed into ints, lowest bits first (3 bits: 32 codes in three
/// ints): `words[p][w · 64 + r]`; `scales`, `zeros` and `minima`: `[p][g · 64 + r]`.
///
/// One token sums `code · x` over a group before scaling, and the zero points or minima apart, times the group's sum
/// of x.
final class CodePanels implements Panels {
    private static final VectorSpecies<Float> F = VectorWidth.FLOATS;
    private static final VectorSpecies<Integer> I = VectorWidth.INTS;
    private static final int L = VectorWidth.LANES;

    private final int rows;
    private final int cols;
    private final int bits;
    private final InputOrder order;
    private final float bias;
    private final int[][] words;
    private final float[][] scales;
    private final float @Nullable [][] zeros;
    private final float @Nullable [][] minima;

    /// What stands beside the scale.
    enum Shift {
        NONE,
        ZERO,
        MINIMUM
    }

    /// Empty panels, to be filled row by row; `order`'s groups are multiples of `granule(bits)`.
    CodePanels(int rows, int cols, int bits, InputOrder order, Shift shift, float bias) {
        this.rows = rows;
        this.cols = cols;
        this.bits = bits;
        this.order = order;
        this.bias = bias;
        int count = Math.ceilDiv(rows, ROWS);
        this.words = new int[count][Math.toIntExact((long) order.length() * bits / 32 * ROWS)];
        int perGroup = Math.multiplyExact(order.groups(), ROWS);
        this.scales = new float[count][perGroup];
        this.zeros = shift == Shift.ZERO ? new float[count][perGroup] : null;
        this.minima = shift == Shift.MINIMUM ? new float[count][perGroup] : null;
    }

    /// Codes that fill whole ints.
    static int granule(int bits) {
        return bits == 3 ? 32 : 32 / bits;
    }

    /// Stores row `row`: `codes [cols]` signed, by the weight's own columns; `scale` and `shift` by group.
    void setRow(int row, byte[] codes, float[] scale, float[] shift) {
        int panel = row / ROWS;
        int lane = row % ROWS;
        int[] target = words[panel];
        int[] source = order.source();
        int mask = (1 << bits) - 1;
        long pending = 0;
        int held = 0;
        int at = lane;
        for (int i = 0; i < order.length(); i++) {
            int from = source == null ? i : source[i];
            long code = from < 0 ? 0 : codes[from] & mask;
            pending |= code << held;
            held += bits;
            if (held >= 32) {
                target[at] = (int) pending;
                at += ROWS;
                pending >>>= 32;
                held -= 32;
            }
        }
        for (int g = 0; g < order.groups(); g++) {
            scales[panel][g * ROWS + lane] = scale[g];
            if (zeros != null) {
                zeros[panel][g * ROWS + lane] = shift[g];
            }
            if (minima != null) {
                minima[panel][g * ROWS + lane] = shift[g];
            }
        }
    }

    @Override
    public int rows() {
        return rows;
    }

    @Override
    public int cols() {
        return cols;
    }

    @Override
    public InputOrder order() {
        return order;
    }

    @Override
    public long bytes() {
        int kinds = 1 + (zeros != null ? 1 : 0) + (minima != null ? 1 : 0);
        return 4L * words.length * (words[0].length + (long) kinds * scales[0].length);
    }

    @Override
    public void dot(int panel, float[] x, int xAt, float[] sums, int sumsAt, float[] y, int yAt) {
        int[] w = words[panel];
        int[] starts = order.starts();
        float[] s = scales[panel];
        float[] z = zeros == null ? null : zeros[panel];
        float[] m = minima == null ? null : minima[panel];
        switch (bits) {
            case 2 -> Codes2Dot.dot(w, starts, s, z, m, bias, x, xAt, sums, sumsAt, y, yAt);
            case 3 -> Codes3Dot.dot(w, starts, s, z, m, bias, x, xAt, sums, sumsAt, y, yAt);
            case 4 -> Codes4Dot.dot(w, starts, s, z, m, bias, x, xAt, sums, sumsAt, y, yAt);
            default -> Codes8Dot.dot(w, starts, s, z, m, bias, x, xAt, sums, sumsAt, y, yAt);
        }
    }

    @Override
    public void unpack(int panel, float[] tile) {
        for (int lane = 0; lane < ROWS; lane += L) {
            for (int g = 0; g < order.groups(); g++) {
                int from = order.starts()[g];
                int to = order.starts()[g + 1];
                codes(words[panel], lane, from, to, tile);
                FloatVector s = FloatVector.fromArray(F, scales[panel], g * ROWS + lane);
                if (zeros != null) {
                    FloatVector z = FloatVector.fromArray(F, zeros[panel], g * ROWS + lane);
                    for (int k = from; k < to; k++) {
                        FloatVector q = FloatVector.fromArray(F, tile, k * ROWS + lane);
                        q.sub(z).mul(s).intoArray(tile, k * ROWS + lane);
                    }
                } else if (minima != null) {
                    FloatVector m = FloatVector.fromArray(F, minima[panel], g * ROWS + lane);
                    for (int k = from; k < to; k++) {
                        FloatVector q = FloatVector.fromArray(F, tile, k * ROWS + lane);
                        q.add(bias).mul(s).add(m).intoArray(tile, k * ROWS + lane);
                    }
                } else {
                    for (int k = from; k < to; k++) {
                        FloatVector q = FloatVector.fromArray(F, tile, k * ROWS + lane);
                        q.mul(s).intoArray(tile, k * ROWS + lane);
                    }
                }
            }
        }
    }

    /// Codes of the places `from … to − 1` as floats.
    private void codes(int[] w, int lane, int from, int to, float[] tile) {
        if (bits == 3) {
            codes3(w, lane, from, to, tile);
            return;
        }
        int each = 32 / bits;
        for (int k = from; k < to; k += each) {
            IntVector word = IntVector.fromArray(I, w, k / each * ROWS + lane);
            for (int n = 0; n < each; n++) {
                word.lanewise(VectorOperators.LSHL, 32 - bits * (n + 1))
                        .lanewise(VectorOperators.ASHR, 32 - bits)
                        .convert(VectorOperators.I2F, 0)
                        .reinterpretAsFloats()
                        .intoArray(tile, (k + n) * ROWS + lane);
            }
        }
    }

    private static void codes3(int[] w, int lane, int from, int to, float[] tile) {
        for (int k = from; k < to; k += 32) {
            int at = k / 32 * 3 * ROWS + lane;
            for (int n = 0; n < 32; n++) {
                int word = 3 * n / 32;
                int shift = 3 * n % 32;
                IntVector code = IntVector.fromArray(I, w, at + word * ROWS).lanewise(VectorOperators.LSHR, shift);
                if (shift > 29) {
                    code = code.or(IntVector.fromArray(I, w, at + (word + 1) * ROWS)
                            .lanewise(VectorOperators.LSHL, 32 - shift));
                }
                code.lanewise(VectorOperators.LSHL, 29)
                        .lanewise(VectorOperators.ASHR, 29)
                        .convert(VectorOperators.I2F, 0)
                        .reinterpretAsFloats()
                        .intoArray(tile, (k + n) * ROWS + lane);
            }
        }
    }

    @Override
    public String toString() {
        return bits + "-bit panels " + rows + " × " + cols + ", groups end at " + Arrays.toString(order.starts());
    }
}
