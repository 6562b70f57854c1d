package dev.quern.core;

import java.lang.foreign.MemorySegment;

/// A matrix `W [out, in]` as it is stored: the common language of methods, formats and kernels.
///
/// A method produces one, a format stores and loads one, a kernel multiplies by one. Each record is one encoding in one
/// packing that exists in the world, and its `unpackRow` is the oracle for every kernel. Views of memory that the
/// opener of the file owns; no value equality is claimed.
public sealed interface PackedWeight
        permits DenseWeight, BlockWeight, GroupedWeight, Int8Weight, OutlierInt8Weight, TableWeight, VectorWeight {
    /// Output features.
    int rows();

    /// Input features.
    int cols();

    /// Bytes in the file, everything counted: codes, scales, zero points, permutation.
    long bytes();

    /// The encoding's name as `inspect` prints it, for instance `f16`, `Q4_0`, `gptq-w4-g64`.
    String encoding();

    /// Dequantizes row `row` into `target[offset … offset + cols)`: scalar and exact, slow.
    void unpackRow(int row, float[] target, int offset);

    /// The memory in which most of it lies.
    MemorySegment memory();

    /// Tells the system that the pages of a mapped file behind this weight can go; read again, they
    /// come back. Memory of other kinds stays.
    default void unload() {
        if (memory().isMapped()) {
            memory().unload();
        }
    }

    /// Average bits of one weight, everything counted.
    default double bitsPerWeight() {
        return 8.0 * bytes() / ((double) rows() * cols());
    }

    /// The whole matrix, row-major `[out, in]`.
    default float[] unpack() {
        float[] values = new float[Math.multiplyExact(rows(), cols())];
        for (int row = 0; row < rows(); row++) {
            unpackRow(row, values, row * cols());
        }
        return values;
    }
}
