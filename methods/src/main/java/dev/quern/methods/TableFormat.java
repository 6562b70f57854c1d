package dev.quern.methods;

import dev.quern.core.TableCodes;
import dev.quern.core.TableWeight;

/// 4-bit codes of a fixed table in blocks of the flattened matrix: bitsandbytes' 4-bit layout.
record TableFormat(TableCodes.Kind kind, int blockSize, boolean nested) implements WeightFormat {
    @Override
    public long bytes(String layer, int rows, int cols) {
        long weights = (long) rows * cols;
        long blocks = Math.ceilDiv(weights, blockSize);
        long scales = nested ? blocks + 4 * Math.ceilDiv(blocks, TableCodes.OUTER) + 4 * 256 + 4 : 4 * blocks;
        return (weights + 1) / 2 + scales + 4 * 16;
    }

    @Override
    public int groupSizeFor(int cols) {
        return Math.min(blockSize, cols);
    }

    @Override
    public float[] roundTrip(float[] weight, int rows, int cols, Parallel parallel) {
        return nearest(weight, rows, cols, parallel).unpack();
    }

    /// The nearest codes to `weight [rows, cols]`.
    TableWeight nearest(float[] weight, int rows, int cols, Parallel parallel) {
        TableCodes search = new TableCodes(kind, blockSize);
        int blocks = Math.ceilDiv(weight.length, blockSize);
        byte[] codes = new byte[(weight.length + 1) / 2];
        float[] largest = new float[blocks];
        int strip = 256;
        parallel.run(Math.ceilDiv(blocks, strip), task -> {
            for (int block = task * strip; block < Math.min(blocks, (task + 1) * strip); block++) {
                search.encode(weight, block, codes, largest);
            }
        });
        return search.weight(rows, cols, codes, largest, nested);
    }

    /// Any matrix fits: the last block may be short.
    @Override
    public void check(String layer, int rows, int cols) {}

    @Override
    public String toString() {
        return kind + ", blocks of " + blockSize + (nested ? ", scales quantized too" : "");
    }
}
