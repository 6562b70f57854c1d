package dev.quern.kernels;

/// How a block of 64 positions lies: keys `[nKvHeads, headDim, 64]`, values `[nKvHeads, 64, valueStride]`.
record KvShape(int nKvHeads, int headDim) {
    KvShape {
        if (nKvHeads < 1 || headDim < 1) {
            throw new IllegalArgumentException("nKvHeads and headDim are positive: " + nKvHeads + ", " + headDim);
        }
    }

    /// `headDim` rounded up to 16.
    int valueStride() {
        return (headDim + 15) / 16 * 16;
    }

    /// Where a head's keys begin.
    int keyOffset(int head) {
        return head * headDim * KvLayer.BLOCK;
    }

    /// Where a head's values begin.
    int valueOffset(int head) {
        return head * KvLayer.BLOCK * valueStride();
    }

    /// All keys of a block.
    int keyCount() {
        return Math.multiplyExact(nKvHeads * KvLayer.BLOCK, headDim);
    }

    /// All values of a block.
    int valueCount() {
        return Math.multiplyExact(nKvHeads * KvLayer.BLOCK, valueStride());
    }
}
