package dev.quern.kernels;

import java.lang.foreign.MemorySegment;
import java.util.Optional;

/// The two products of attention with a block of `KvHalves` in machine code: scores, and the weighted sum of values.
record HalfAttention(KvShape shape, HalfProduct scores, HalfProduct sums) {
    private static final int BLOCK = KvLayer.BLOCK;

    /// For a layer of this shape; empty where there is no machine code.
    static Optional<HalfAttention> of(KvShape shape, Optional<MachineCode.Isa> isa) {
        int stride = shape.valueStride();
        return isa.map(i -> new HalfAttention(
                shape,
                new HalfProduct(i, BLOCK, shape.headDim(), BLOCK, false),
                new HalfProduct(i, stride, BLOCK, stride, true)));
    }

    /// Sets `scores [rows, 64]` from `queries [rows, headDim]` and the keys of a head.
    void score(MemorySegment queries, int rows, KvHalves block, int head, MemorySegment scores) {
        this.scores.multiply(queries, rows, block.keys(), shape.keyOffset(head), shape.headDim(), scores);
    }

    /// Adds to `sums [rows, valueStride]` the first `positions` values of a head, weighted by `weights [rows, 64]`.
    void weigh(MemorySegment weights, int rows, KvHalves block, int head, int positions, MemorySegment sums) {
        this.sums.multiply(weights, rows, block.values(), shape.valueOffset(head), positions, sums);
    }
}
