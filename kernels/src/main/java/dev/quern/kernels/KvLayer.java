package dev.quern.kernels;

import java.util.Arrays;

/// Keys and values of one layer of one sequence, laid out for `AttentionKernel`.
///
/// Positions lie in blocks of 64. Keys of a block are `[nKvHeads, headDim, 64]`: a lane belongs to a position, so that
/// scores need no horizontal sums. Values are `[nKvHeads, 64, headDim rounded up to 16]`: a lane belongs to a feature.
/// Memory grows by blocks, nothing is copied. Not thread-safe while `append` or `truncate` runs.
public final class KvLayer {
    /// Positions of a block.
    static final int BLOCK = 64;

    private final int nKvHeads;
    private final int headDim;
    private final int valueStride;
    private float[][] keys = new float[0][];
    private float[][] values = new float[0][];
    private int length;

    public KvLayer(int nKvHeads, int headDim) {
        if (nKvHeads < 1 || headDim < 1) {
            throw new IllegalArgumentException("nKvHeads and headDim are positive: " + nKvHeads + ", " + headDim);
        }
        this.nKvHeads = nKvHeads;
        this.headDim = headDim;
        this.valueStride = (headDim + 15) / 16 * 16;
    }

    /// Heads that have keys and values of their own.
    public int nKvHeads() {
        return nKvHeads;
    }

    /// Features of a head.
    public int headDim() {
        return headDim;
    }

    /// Positions held.
    public int length() {
        return length;
    }

    /// Bytes of the blocks held.
    public long bytes() {
        return (long) keys.length * nKvHeads * BLOCK * (headDim + valueStride) * Float.BYTES;
    }

    /// Adds positions `length … length + tokens`; `k` and `v` are `[tokens, nKvHeads · headDim]` at their offsets.
    public void append(float[] k, int kOffset, float[] v, int vOffset, int tokens) {
        int width = nKvHeads * headDim;
        Border.range("k", k, kOffset, (long) tokens * width);
        Border.range("v", v, vOffset, (long) tokens * width);
        reserve(Math.addExact(length, tokens));
        for (int t = 0; t < tokens; t++) {
            float[] keyBlock = keys[(length + t) / BLOCK];
            float[] valueBlock = values[(length + t) / BLOCK];
            int slot = (length + t) % BLOCK;
            for (int h = 0; h < nKvHeads; h++) {
                int from = kOffset + t * width + h * headDim;
                int to = keyOffset(h) + slot;
                for (int d = 0; d < headDim; d++) {
                    keyBlock[to + d * BLOCK] = k[from + d];
                }
                System.arraycopy(
                        v, vOffset + t * width + h * headDim, valueBlock, valueOffset(h) + slot * valueStride, headDim);
            }
        }
        length += tokens;
    }

    /// Forgets positions from `newLength` on; its memory is kept for the next.
    public void truncate(int newLength) {
        if (newLength < 0 || newLength > length) {
            throw new IllegalArgumentException("length is 0 … " + length + ", not " + newLength);
        }
        length = newLength;
    }

    /// The key of one position of one head, feature `d`.
    public float key(int head, int position, int d) {
        return keys[position / BLOCK][keyOffset(head) + d * BLOCK + position % BLOCK];
    }

    /// The value of one position of one head, feature `d`.
    public float value(int head, int position, int d) {
        return values[position / BLOCK][valueOffset(head) + position % BLOCK * valueStride + d];
    }

    float[] keyBlock(int block) {
        return keys[block];
    }

    float[] valueBlock(int block) {
        return values[block];
    }

    int keyOffset(int head) {
        return head * headDim * BLOCK;
    }

    int valueOffset(int head) {
        return head * BLOCK * valueStride;
    }

    int valueStride() {
        return valueStride;
    }

    private void reserve(int positions) {
        int blocks = (positions + BLOCK - 1) / BLOCK;
        int held = keys.length;
        if (blocks <= held) {
            return;
        }
        keys = Arrays.copyOf(keys, blocks);
        values = Arrays.copyOf(values, blocks);
        for (int i = held; i < blocks; i++) {
            keys[i] = new float[Math.multiplyExact(nKvHeads * BLOCK, headDim)];
            values[i] = new float[Math.multiplyExact(nKvHeads * BLOCK, valueStride)];
        }
    }
}
