package dev.quern.kernels;

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
            TableDot.dot(table, words[panel], from / EACH * ROWS, x, xAt + from, xAt + to, parts, g * ROWS);
        }
        scales.sum(panel, parts, sums, sumsAt, y, yAt);
    }

    @Override
    public void unpack(int panel, float[] tile, Scratch scratch) {
        for (int g = 0; g < order.groups(); g++) {
            int from = order.starts()[g];
            int to = order.starts()[g + 1];
            for (int lane = 0; lane < ROWS; lane += L) {
                TableDot.unpack(table, words[panel], lane, from, to, tile);
                FloatVector scale = FloatVector.fromArray(F, scales.scales()[panel], g * ROWS + lane);
                for (int at = from * ROWS + lane; at < to * ROWS; at += ROWS) {
                    FloatVector.fromArray(F, tile, at).mul(scale).intoArray(tile, at);
                }
            }
        }
    }
}
