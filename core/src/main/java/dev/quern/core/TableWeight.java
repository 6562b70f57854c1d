package dev.quern.core;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/// 4-bit codes that name one of 16 values, scaled block by block: `w = table[code] · scale` (bitsandbytes' NF4 and FP4,
/// arXiv:2305.14314).
///
/// - `codes` U8 `[rows · cols / 2]`, the matrix flattened row by row, the first of two codes in the high nibble;
/// - `table [16]`;
/// - `scales`: one for each `blockSize` weights of the flattened matrix, the last block may be short.
///
/// `kind` is `nf4` or `fp4`; `origin` the float type it was made from, which bitsandbytes dequantizes to. Arrays belong
/// to the record.
public record TableWeight(
        String kind, int rows, int cols, Tensor codes, float[] table, int blockSize, BlockScales scales, DType origin)
        implements PackedWeight {
    /// The scales of blocks, as floats or as codes of a second table (double quantization).
    public sealed interface BlockScales {
        /// Number of blocks.
        int count();

        /// The scale of one block.
        float scale(int block);

        /// Bytes stored.
        long bytes();
    }

    /// Scales F32 `[blocks]`.
    public record PlainScales(Tensor values) implements BlockScales {
        @Override
        public int count() {
            return Math.toIntExact(values.shape().count());
        }

        @Override
        public float scale(int block) {
            return values.floatAt(block);
        }

        @Override
        public long bytes() {
            return values.bytes();
        }
    }

    /// Scales as 8-bit codes: `scale = map[code] · outer[block / outerSize] + offset`, `codes` U8 `[blocks]`, `map
    /// [256]`.
    public record NestedScales(Tensor codes, float[] map, float[] outer, int outerSize, float offset)
            implements BlockScales {
        public NestedScales {
            int blocks = Math.toIntExact(codes.shape().count());
            if (codes.dtype() != DType.U8 || map.length != 256 || outer.length != Math.ceilDiv(blocks, outerSize)) {
                throw new IllegalArgumentException(codes.dtype() + " codes of " + blocks + " blocks, a map of "
                        + map.length + " and " + outer.length + " outer scales of " + outerSize + " blocks");
            }
        }

        @Override
        public int count() {
            return Math.toIntExact(codes.shape().count());
        }

        @Override
        public float scale(int block) {
            int code = Byte.toUnsignedInt(codes.data().get(JAVA_BYTE, block));
            return map[code] * outer[block / outerSize] + offset;
        }

        @Override
        public long bytes() {
            return codes.bytes() + 4L * map.length + 4L * outer.length + 4;
        }
    }

    /// Made from float32.
    public TableWeight(
            String kind, int rows, int cols, Tensor codes, float[] table, int blockSize, BlockScales scales) {
        this(kind, rows, cols, codes, table, blockSize, scales, DType.F32);
    }

    public TableWeight {
        long weights = (long) rows * cols;
        if (table.length != 16) {
            throw new IllegalArgumentException("a table has 16 values, not " + table.length);
        }
        if (codes.dtype() != DType.U8 || codes.shape().count() != (weights + 1) / 2) {
            throw new IllegalArgumentException(
                    "codes are " + codes.dtype() + " " + codes.shape() + ", expected U8 [" + (weights + 1) / 2 + "]");
        }
        if (blockSize < 1 || scales.count() != Math.ceilDiv(weights, blockSize)) {
            throw new IllegalArgumentException(
                    scales.count() + " scales for " + weights + " weights in blocks of " + blockSize);
        }
    }

    /// The code of one weight, `0 … 15`.
    public int code(long index) {
        int two = codes.data().get(JAVA_BYTE, index / 2);
        return (index % 2 == 0 ? two >> 4 : two) & 15;
    }

    @Override
    public MemorySegment memory() {
        return codes.data();
    }

    /// Codes, scales and the table.
    @Override
    public long bytes() {
        return codes.bytes() + scales.bytes() + 4L * table.length;
    }

    @Override
    public String encoding() {
        return kind + "-b" + blockSize + (scales instanceof NestedScales ? "-dq" : "");
    }

    @Override
    public void unpackRow(int row, float[] target, int offset) {
        long first = (long) row * cols;
        for (int col = 0; col < cols; col++) {
            long index = first + col;
            target[offset + col] = table[code(index)] * scales.scale((int) (index / blockSize));
        }
    }
}
