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
/// evaluation; 4-bit codes may stand for the values of a table. Codes of consecutive inputs of a row are packed into
/// ints, the first on top (3 bits: 32 codes in three ints, see `Codes3Dot`): `words[p][w · 64 + r]`.
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
    private final GroupScales scales;
    private final float bias;
    private final int[][] words;
    /// What 4-bit codes stand for, the bits of 16 floats; null where they stand for themselves.
    private final int @Nullable [] table;

    /// The code of each value of the table, by its byte.
    private final byte[] codeOf;

    /// Empty panels, to be filled row by row beside `scales`; `order`'s groups are multiples of `granule(bits)`.
    CodePanels(int rows, int cols, int bits, InputOrder order, GroupScales scales, float bias) {
        this(rows, cols, bits, order, scales, bias, new byte[0]);
    }

    /// The same with 4-bit codes that stand for `values`, at most 16, unless there are none.
    CodePanels(int rows, int cols, int bits, InputOrder order, GroupScales scales, float bias, byte[] values) {
        this.table = values.length == 0 ? null : new int[TableDot.SIZE];
        this.codeOf = new byte[256];
        for (int i = 0; i < values.length && table != null; i++) {
            table[i] = Float.floatToRawIntBits(values[i]);
            codeOf[values[i] & 0xFF] = (byte) i;
        }
        this.rows = rows;
        this.cols = cols;
        this.bits = bits;
        this.order = order;
        this.scales = scales;
        this.bias = bias;
        int size = Math.toIntExact((long) order.length() * bits / 32 * ROWS);
        this.words = new int[Math.ceilDiv(rows, ROWS)][size];
    }

    /// Codes that fill whole ints.
    static int granule(int bits) {
        return bits == 3 ? 32 : 32 / bits;
    }

    /// Stores row `row`: `codes [cols]` signed, by the weight's own columns.
    void setRow(int row, byte[] codes) {
        int[] target = words[row / ROWS];
        int lane = row % ROWS;
        if (bits == 3) {
            pack3(codes, target, lane);
        } else {
            pack(codes, target, lane);
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
        int code = from < 0 ? 0 : codes[from];
        return table == null ? code : codeOf[code & 0xFF];
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
        return 4L * words.length * words[0].length + scales.bytes();
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
                case 4 -> {
                    if (table == null) {
                        Codes4Dot.dot(w, at, x, from, to, parts, g * ROWS);
                    } else {
                        TableDot.dot(table, w, at, x, from, to, parts, g * ROWS);
                    }
                }
                default -> Codes8Dot.dot(w, at, x, from, to, parts, g * ROWS);
            }
        }
        scales.sum(panel, parts, sums, sumsAt, y, yAt);
    }

    @Override
    public void unpack(int panel, float[] tile, Scratch scratch) {
        float[] scale = scratch.floats(Scratch.GROUP_SCALE, ROWS);
        float[] shift = scratch.floats(Scratch.GROUP_SHIFT, ROWS);
        for (int g = 0; g < order.groups(); g++) {
            scales.group(panel, g, scale, shift);
            int from = order.starts()[g];
            int to = order.starts()[g + 1];
            for (int lane = 0; lane < ROWS; lane += L) {
                codes(words[panel], lane, from, to, tile);
                FloatVector s = FloatVector.fromArray(F, scale, lane);
                FloatVector m = FloatVector.fromArray(F, shift, lane);
                switch (scales.shift()) {
                    case NONE -> {
                        for (int at = from * ROWS + lane; at < to * ROWS; at += ROWS) {
                            FloatVector.fromArray(F, tile, at).mul(s).intoArray(tile, at);
                        }
                    }
                    case ZERO -> {
                        for (int at = from * ROWS + lane; at < to * ROWS; at += ROWS) {
                            FloatVector.fromArray(F, tile, at).sub(m).mul(s).intoArray(tile, at);
                        }
                    }
                    case MINIMUM -> {
                        for (int at = from * ROWS + lane; at < to * ROWS; at += ROWS) {
                            FloatVector q = FloatVector.fromArray(F, tile, at);
                            q.add(bias).mul(s).add(m).intoArray(tile, at);
                        }
                    }
                }
            }
        }
    }

    /// One token of codes over 8-bit codes: sets `part [64]` to the sums of products over the inputs `from … to − 1`.
    void dotCodes(int panel, float[] x, int xAt, int from, int to, float[] part) {
        Codes8Dot.dot(words[panel], from / 4 * ROWS, x, xAt + from, xAt + to, part, 0);
    }

    /// The codes of a panel as floats, unscaled: `tile [order().length(), 64]`.
    void unpackCodes(int panel, float[] tile) {
        for (int lane = 0; lane < ROWS; lane += L) {
            codes(words[panel], lane, 0, order.length(), tile);
        }
    }

    /// Codes of the places `from … to − 1` as floats.
    private void codes(int[] w, int lane, int from, int to, float[] tile) {
        if (bits == 3) {
            Codes3Dot.unpack(w, from / 32 * 3 * ROWS + lane, from, to, tile, lane);
            return;
        }
        if (table != null) {
            TableDot.unpack(table, w, lane, from, to, tile);
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
