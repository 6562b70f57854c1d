package dev.quern.models;

import dev.quern.core.BlockEncoders;
import dev.quern.core.BlockType;
import dev.quern.core.BlockWeight;
import dev.quern.core.DType;
import dev.quern.core.DenseWeight;
import dev.quern.core.Floats;
import dev.quern.core.GroupedWeight;
import dev.quern.core.PackedWeight;
import dev.quern.core.Tensor;
import java.lang.foreign.MemorySegment;

/// Stores matrices in another encoding and watches whether any value changed. Equal encodings are copied, not
/// computed. What a call returns lives until the next call.
final class Recoding implements AutoCloseable {
    private final Scratch scratch = new Scratch();
    private boolean lossless = true;

    /// True while each value stored so far reads back as it was.
    boolean lossless() {
        return lossless;
    }

    /// Takes note of something stored elsewhere.
    void note(boolean unchanged) {
        lossless &= unchanged;
    }

    /// `weight` as row-major elements of `dtype`.
    MemorySegment dense(PackedWeight weight, DType dtype) {
        if (weight instanceof DenseWeight(Tensor tensor) && tensor.dtype() == dtype) {
            return tensor.data();
        }
        int cols = weight.cols();
        MemorySegment target = scratch.take((long) weight.rows() * cols * dtype.bytes());
        float[] row = new float[cols];
        for (int r = 0; r < weight.rows(); r++) {
            weight.unpackRow(r, row, 0);
            store(row, dtype, target, (long) r * cols);
        }
        return target;
    }

    /// `values` as elements of `dtype`.
    MemorySegment dense(float[] values, DType dtype) {
        MemorySegment target = scratch.take((long) values.length * dtype.bytes());
        store(values, dtype, target, 0);
        return target;
    }

    /// `weight` in blocks: codes are taken over where `type` can hold them, else made anew.
    MemorySegment blocks(PackedWeight weight, BlockType type) {
        if (weight instanceof BlockWeight stored && stored.type() == type) {
            return stored.data();
        }
        long rowBytes = BlockWeight.rowBytes(type, weight.cols());
        MemorySegment target = scratch.take(rowBytes * weight.rows());
        if (weight instanceof GroupedWeight grouped && GroupedBlocks.fit(grouped, type)) {
            GroupedBlocks.copy(grouped, type, target);
            watch(weight, new BlockWeight(type, weight.rows(), weight.cols(), target));
            return target;
        }
        float[] row = new float[weight.cols()];
        for (int r = 0; r < weight.rows(); r++) {
            weight.unpackRow(r, row, 0);
            BlockEncoders.encodeRow(type, row, 0, row.length, target, r * rowBytes);
        }
        watch(weight, new BlockWeight(type, weight.rows(), weight.cols(), target));
        return target;
    }

    /// Notes where `stored` reads back otherwise than `weight`.
    void watch(PackedWeight weight, PackedWeight stored) {
        float[] expected = new float[weight.cols()];
        float[] found = new float[weight.cols()];
        for (int r = 0; r < weight.rows() && lossless; r++) {
            weight.unpackRow(r, expected, 0);
            stored.unpackRow(r, found, 0);
            for (int i = 0; i < expected.length; i++) {
                lossless &= expected[i] == found[i];
            }
        }
    }

    private void store(float[] values, DType dtype, MemorySegment target, long from) {
        if (dtype == DType.F32) {
            MemorySegment.copy(values, 0, target, Tensor.FLOAT, from * 4, values.length);
            return;
        }
        for (int i = 0; i < values.length; i++) {
            Floats.set(dtype, target, from + i, values[i]);
            lossless &= Floats.round(dtype, values[i]) == values[i];
        }
    }

    @Override
    public void close() {
        scratch.close();
    }
}
