package dev.quern.models;

import dev.quern.core.BlockSearch;
import dev.quern.core.BlockType;
import dev.quern.core.BlockWeight;
import dev.quern.core.DType;
import dev.quern.core.DenseWeight;
import dev.quern.core.Floats;
import dev.quern.core.GroupedWeight;
import dev.quern.core.PackedWeight;
import dev.quern.core.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Stores matrices in another encoding and watches whether any value changed. Equal encodings are copied, not
/// computed. What a call returns lives until the next call.
final class Recoding implements AutoCloseable {
    /// Rows that one thread searches at a time.
    private static final int STRIP = 16;

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

    /// True where `weight` has codes and blocks of `type` cannot hold them.
    static boolean roundsAgain(PackedWeight weight, BlockType type) {
        return !(weight instanceof DenseWeight)
                && !(weight instanceof BlockWeight stored && stored.type() == type)
                && !(weight instanceof GroupedWeight grouped && GroupedBlocks.fit(grouped, type));
    }

    /// `weight` in blocks: codes are taken over where `type` can hold them, else searched anew, with what each input
    /// counts where that is known.
    MemorySegment blocks(PackedWeight weight, BlockType type, float @Nullable [] importance) {
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
        IntStream.range(0, Math.ceilDiv(weight.rows(), STRIP)).parallel().forEach(strip -> {
            BlockSearch search = BlockSearch.of(type);
            float[] row = new float[weight.cols()];
            for (int r = strip * STRIP; r < Math.min(weight.rows(), (strip + 1) * STRIP); r++) {
                weight.unpackRow(r, row, 0);
                search.encodeRow(row, 0, importance, row.length, target, r * rowBytes);
            }
        });
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
