package dev.quern.core;

import java.lang.foreign.MemorySegment;

/// A matrix in one of GGUF's block types: each row is a run of blocks, each block holds its own scales.
///
/// All block types share this record because they share this shape; what differs is the decoding of one block,
/// which `BlockType` holds.
public record BlockWeight(BlockType type, int rows, int cols, MemorySegment data) implements PackedWeight {
    public BlockWeight {
        if (cols % type.weights() != 0) {
            throw new IllegalArgumentException(
                    cols + " inputs do not divide into " + type + " blocks of " + type.weights());
        }
        long wanted = Math.multiplyExact(rowBytes(type, cols), (long) rows);
        if (data.byteSize() != wanted) {
            throw new IllegalArgumentException(
                    type + " [" + rows + ", " + cols + "] takes " + wanted + " bytes, not " + data.byteSize());
        }
    }

    @Override
    public MemorySegment memory() {
        return data;
    }

    @Override
    public long bytes() {
        return data.byteSize();
    }

    @Override
    public String encoding() {
        return type.name();
    }

    @Override
    public void unpackRow(int row, float[] target, int offset) {
        long at = row * rowBytes(type, cols);
        for (int done = 0; done < cols; done += type.weights()) {
            type.decode(data, at, target, offset + done);
            at += type.bytes();
        }
    }

    /// Bytes of one row.
    public static long rowBytes(BlockType type, int cols) {
        return (long) (cols / type.weights()) * type.bytes();
    }
}
