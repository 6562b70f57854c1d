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
/// evaluation. Codes of consecutive inputs of a row are packed into ints, the first on top (3 bits: 32 codes in three
/// ints, see `Codes3Dot`): `words[p][w · 64 + r]`; `scales`, `zeros` and `minima`: `[p][g · 64 + r]`.
///
/// One token sums `code · x` over a group before scaling, and the zero points or minima apart, times the group's sum
/// of x. The sums of all groups go through memory, so that the loops over codes are small methods without branches,
/// which the compiler makes once and keeps.
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
        if (bits == 3) {
            pack3(codes, words[panel], lane);
        } else {
            pack(codes, words[panel], lane);
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

    private void pack(byte[] codes, int[] target, int lane) {
        int mask = (1 << bits) - 1;
        int each = 32 / bits;
        for (int i = 0, at = lane; i < order.length(); i += each, at += ROWS) {
            int word = 0;
            for (int n = i; n < i + each; n++) {
                word = word << bits | code(codes, n) & mask;
            }
            target[at] = word;
        }
    }

    private void pack3(byte[] codes, int[] target, int lane) {
        int[] some = new int[32];
        for (int i = 0, at = lane; i < order.length(); i += 32, at += 3 * ROWS) {
            for (int n = 0; n < 32; n++) {
                some[n] = code(codes, i + n);
            }
            Codes3Dot.pack(some, target, at);
        }
    }

    private int code(byte[] codes, int place) {
        int[] source = order.source();
        int from = source == null ? place : source[place];
        return from < 0 ? 0 : codes[from];
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
    public void dot(int panel, float[] x, int xAt, float[] sums, int sumsAt, float[] y, int yAt, Scratch scratch) {
        int[] w = words[panel];
        int[] starts = order.starts();
        float[] parts = scratch.floats(Scratch.PARTS, order.groups() * ROWS);
        for (int g = 0; g < order.groups(); g++) {
            int at = (int) ((long) starts[g] * bits / 32) * ROWS;
            int from = xAt + starts[g];
            int to = xAt + starts[g + 1];
            switch (bits) {
                case 2 -> Codes2Dot.dot(w, at, x, from, to, parts, g * ROWS);
                case 3 -> Codes3Dot.dot(w, at, x, from, to, parts, g * ROWS);
                case 4 -> Codes4Dot.dot(w, at, x, from, to, parts, g * ROWS);
                default -> Codes8Dot.dot(w, at, x, from, to, parts, g * ROWS);
            }
        }
        if (zeros != null) {
            sumWithZeros(parts, scales[panel], zeros[panel], sums, sumsAt, order.groups(), y, yAt);
        } else if (minima != null) {
            sumWithMinima(parts, scales[panel], minima[panel], bias, sums, sumsAt, order.groups(), y, yAt);
        } else {
            sum(parts, scales[panel], order.groups(), y, yAt);
        }
    }

    private static void sum(float[] parts, float[] scales, int groups, float[] y, int yAt) {
        for (int lane = 0; lane < ROWS; lane += 2 * L) {
            FloatVector t0 = FloatVector.zero(F);
            FloatVector t1 = t0;
            for (int g = 0, of = lane; g < groups; g++, of += ROWS) {
                t0 = FloatVector.fromArray(F, scales, of).fma(FloatVector.fromArray(F, parts, of), t0);
                t1 = FloatVector.fromArray(F, scales, of + L).fma(FloatVector.fromArray(F, parts, of + L), t1);
            }
            t0.intoArray(y, yAt + lane);
            t1.intoArray(y, yAt + lane + L);
        }
    }

    private static void sumWithZeros(
            float[] parts, float[] scales, float[] zeros, float[] sums, int sumsAt, int groups, float[] y, int yAt) {
        for (int lane = 0; lane < ROWS; lane += 2 * L) {
            FloatVector t0 = FloatVector.zero(F);
            FloatVector t1 = t0;
            for (int g = 0, of = lane; g < groups; g++, of += ROWS) {
                FloatVector less = FloatVector.broadcast(F, -sums[sumsAt + g]);
                FloatVector s0 = less.fma(FloatVector.fromArray(F, zeros, of), FloatVector.fromArray(F, parts, of));
                FloatVector s1 =
                        less.fma(FloatVector.fromArray(F, zeros, of + L), FloatVector.fromArray(F, parts, of + L));
                t0 = FloatVector.fromArray(F, scales, of).fma(s0, t0);
                t1 = FloatVector.fromArray(F, scales, of + L).fma(s1, t1);
            }
            t0.intoArray(y, yAt + lane);
            t1.intoArray(y, yAt + lane + L);
        }
    }

    private static void sumWithMinima(
            float[] parts,
            float[] scales,
            float[] minima,
            float bias,
            float[] sums,
            int sumsAt,
            int groups,
            float[] y,
            int yAt) {
        for (int lane = 0; lane < ROWS; lane += 2 * L) {
            FloatVector t0 = FloatVector.zero(F);
            FloatVector t1 = t0;
            for (int g = 0, of = lane; g < groups; g++, of += ROWS) {
                FloatVector sum = FloatVector.broadcast(F, sums[sumsAt + g]);
                FloatVector more = sum.mul(bias);
                t0 = sum.fma(FloatVector.fromArray(F, minima, of), t0);
                t1 = sum.fma(FloatVector.fromArray(F, minima, of + L), t1);
                FloatVector s0 = FloatVector.fromArray(F, parts, of).add(more);
                FloatVector s1 = FloatVector.fromArray(F, parts, of + L).add(more);
                t0 = FloatVector.fromArray(F, scales, of).fma(s0, t0);
                t1 = FloatVector.fromArray(F, scales, of + L).fma(s1, t1);
            }
            t0.intoArray(y, yAt + lane);
            t1.intoArray(y, yAt + lane + L);
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
            Codes3Dot.unpack(w, from / 32 * 3 * ROWS + lane, from, to, tile, lane);
            return;
        }
        int each = 32 / bits;
        for (int k = from; k < to; k += each) {
            IntVector word = IntVector.fromArray(I, w, k / each * ROWS + lane);
            for (int n = k; n < k + each; n++) {
                IntVector code = word.lanewise(VectorOperators.ASHR, 32 - bits);
                code.convert(VectorOperators.I2F, 0).reinterpretAsFloats().intoArray(tile, n * ROWS + lane);
                word = word.lanewise(VectorOperators.LSHL, bits);
            }
        }
    }

    @Override
    public String toString() {
        return bits + "-bit panels " + rows + " × " + cols + ", groups end at " + Arrays.toString(order.starts());
    }
}
