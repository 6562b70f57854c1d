package dev.quern.core;

import java.lang.foreign.MemorySegment;
import java.util.Locale;

/// An unquantized matrix in F32, F16 or BF16, row-major `[out, in]`.
public record DenseWeight(Tensor tensor) implements PackedWeight {
    public DenseWeight {
        if (tensor.shape().rank() != 2) {
            throw new IllegalArgumentException("a weight has two dimensions, not shape " + tensor.shape());
        }
        if (tensor.dtype() != DType.F32 && tensor.dtype() != DType.F16 && tensor.dtype() != DType.BF16) {
            throw new IllegalArgumentException("a dense weight is F32, F16 or BF16, not " + tensor.dtype());
        }
    }

    @Override
    public int rows() {
        return tensor.shape().dim(0);
    }

    @Override
    public int cols() {
        return tensor.shape().dim(1);
    }

    @Override
    public MemorySegment memory() {
        return tensor.data();
    }

    @Override
    public long bytes() {
        return tensor.bytes();
    }

    @Override
    public String encoding() {
        return tensor.dtype().name().toLowerCase(Locale.ROOT);
    }

    @Override
    public void unpackRow(int row, float[] target, int offset) {
        tensor.copyFloats((long) row * cols(), target, offset, cols());
    }
}
