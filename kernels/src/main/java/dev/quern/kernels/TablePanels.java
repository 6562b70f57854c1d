package dev.quern.kernels;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// Panels of 4-bit codes of a table, with a scale for each block of inputs of each row: `words[p][k / 8 · 64 + r]`.
/// `table` holds the bits of 16 floats.
record TablePanels(int rows, int cols, InputOrder order, int[] table, FloatScales scales, int[][] words)
        implements Panels {
    private static final VectorSpecies<Float> F = VectorWidth.FLOATS;
    private static final int L = VectorWidth.LANES;

    /// Codes in an int.
    static final int EACH = 8;

    /// Zero codes, to be set.
    static TablePanels of(int rows, int cols, int blockSize, float[] table) {
        int blocks = cols / blockSize;
        int[] starts = new int[blocks + 1];
        for (int block = 0; block <= blocks; block++) {
            starts[block] = block * blockSize;
        }
        int[][] words = new int[Math.ceilDiv(rows, ROWS)][Math.multiplyExact(cols / EACH, ROWS)];
        FloatScales scales = FloatScales.of(rows, blocks, GroupScales.Shift.NONE, 0);
        int[] bits = new int[TableDot.SIZE];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = Float.floatToRawIntBits(table[i]);
        }
        return new TablePanels(rows, cols, new InputOrder(cols, null, starts), bits, scales, words);
    }

    /// Stores code `code` of one weight; each is set once.
    void set(int row, int col, int code) {
        words[row / ROWS][col / EACH * ROWS + row % ROWS] |= code << 28 - 4 * (col % EACH);
    }

    @Override
    public long bytes() {
        return 4L * words.length * words[0].length + scales.bytes();
    }

    @Override
    public void dot(int panel, float[] x, int xAt, float[] sums, int sumsAt, float[] y, int yAt, Scratch scratch) {
        int[] starts = order.starts();
        float[] parts = scratch.floats(Scratch.PARTS, order.groups() * ROWS);
        for (int g = 0; g < order.groups(); g++) {
            int from = starts[g];
            int to = starts[g + 1];
            if (TableDot.USABLE) {
                TableDot.dot(table, words[panel], from / EACH * ROWS, x, xAt + from, xAt + to, parts, g * ROWS);
            } else {
                lookUp(words[panel], from, to, x, xAt, parts, g * ROWS);
            }
        }
        scales.sum(panel, parts, sums, sumsAt, y, yAt);
    }

    /// One by one, where vectors are too narrow to look up.
    private void lookUp(int[] w, int from, int to, float[] x, int xAt, float[] part, int partAt) {
        Arrays.fill(part, partAt, partAt + ROWS, 0f);
        for (int k = from; k < to; k++) {
            for (int lane = 0; lane < ROWS; lane++) {
                part[partAt + lane] += value(w, k, lane) * x[xAt + k];
            }
        }
    }

    private float value(int[] w, int k, int lane) {
        return Float.intBitsToFloat(table[w[k / EACH * ROWS + lane] >>> 28 - 4 * (k % EACH) & 15]);
    }

    @Override
    public void unpack(int panel, float[] tile, Scratch scratch) {
        int[] w = words[panel];
        for (int g = 0; g < order.groups(); g++) {
            int from = order.starts()[g];
            int to = order.starts()[g + 1];
            for (int lane = 0; lane < ROWS; lane += L) {
                values(w, lane, from, to, tile);
                FloatVector scale = FloatVector.fromArray(F, scales.scales()[panel], g * ROWS + lane);
                for (int at = from * ROWS + lane; at < to * ROWS; at += ROWS) {
                    FloatVector.fromArray(F, tile, at).mul(scale).intoArray(tile, at);
                }
            }
        }
    }

    private void values(int[] w, int lane, int from, int to, float[] tile) {
        if (TableDot.USABLE) {
            TableDot.unpack(table, w, lane, from, to, tile);
            return;
        }
        for (int k = from; k < to; k++) {
            for (int at = lane; at < lane + L; at++) {
                tile[k * ROWS + at] = value(w, k, at);
            }
        }
    }
}
