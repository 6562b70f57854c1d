package dev.quern.kernels;

import dev.quern.core.KvScheme;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Keys and values of one layer of one sequence, laid out for `AttentionKernel`.
///
/// Positions lie in blocks of 64. Keys of a block are `[nKvHeads, headDim, 64]`: a lane belongs to a position, so that
/// scores need no horizontal sums. Values are `[nKvHeads, 64, headDim rounded up to 16]`: a lane belongs to a feature.
/// Memory grows by blocks, nothing is copied. Under a `KvScheme` that quantizes, `close` turns old blocks into codes
/// and
/// lets go of their memory. Not thread-safe while `append`, `close` or `truncate` runs.
public final class KvLayer {
    /// Positions of a block.
    static final int BLOCK = KvScheme.BLOCK;

    private static final float[] NONE = {};

    private final int nKvHeads;
    private final int headDim;
    private final int valueStride;
    private final KvScheme scheme;
    private final List<KvCodes> codes = new ArrayList<>();
    private float[][] keys = new float[0][];
    private float[][] values = new float[0][];
    private int length;

    /// Keys and values in floats.
    public KvLayer(int nKvHeads, int headDim) {
        this(nKvHeads, headDim, KvScheme.FLOAT);
    }

    public KvLayer(int nKvHeads, int headDim, KvScheme scheme) {
        if (nKvHeads < 1 || headDim < 1) {
            throw new IllegalArgumentException("nKvHeads and headDim are positive: " + nKvHeads + ", " + headDim);
        }
        this.nKvHeads = nKvHeads;
        this.headDim = headDim;
        this.scheme = scheme;
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

    /// How old positions are held.
    public KvScheme scheme() {
        return scheme;
    }

    /// Bytes of the blocks held.
    public long bytes() {
        long floats = (keys.length - codes.size()) * (long) nKvHeads * BLOCK * (headDim + valueStride) * Float.BYTES;
        return floats + codes.stream().mapToLong(KvCodes::bytes).sum();
    }

    /// Turns the first `blocks` blocks of 64 positions, which must be full, into codes where they are not yet.
    public void close(int blocks) {
        if (!scheme.quantizes() && blocks > 0 || blocks * (long) BLOCK > length) {
            throw new IllegalArgumentException(
                    blocks + " blocks cannot be closed under " + scheme + " at length " + length);
        }
        for (int block = codes.size(); block < blocks; block++) {
            codes.add(new KvCodes(scheme, this, keys[block], values[block], block == 0));
            keys[block] = NONE;
            values[block] = NONE;
        }
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

    /// Forgets positions from `newLength` on; memory of floats is kept for the next. What became codes and is kept
    /// keeps the values of its codes.
    public void truncate(int newLength) {
        if (newLength < 0 || newLength > length) {
            throw new IllegalArgumentException("length is 0 … " + length + ", not " + newLength);
        }
        int whole = newLength / BLOCK;
        for (int block = codes.size() - 1; block >= whole; block--) {
            KvCodes old = codes.remove(block);
            keys[block] = new float[nKvHeads * BLOCK * headDim];
            values[block] = new float[nKvHeads * BLOCK * valueStride];
            if (block == whole && newLength % BLOCK > 0) {
                for (int h = 0; h < nKvHeads; h++) {
                    old.unpackKeys(h, keys[block], keyOffset(h));
                    old.unpackValues(h, values[block], valueOffset(h), valueStride);
                }
            }
        }
        length = newLength;
    }

    /// The key of one position of one head, feature `d`.
    public float key(int head, int position, int d) {
        int block = position / BLOCK;
        int at = d * BLOCK + position % BLOCK;
        return closed(block) ? codes.get(block).key(head, position % BLOCK, d) : keys[block][keyOffset(head) + at];
    }

    /// The value of one position of one head, feature `d`.
    public float value(int head, int position, int d) {
        int block = position / BLOCK;
        int at = position % BLOCK * valueStride + d;
        return closed(block)
                ? codes.get(block).value(head, position % BLOCK, d)
                : values[block][valueOffset(head) + at];
    }

    /// True where the block is codes.
    boolean closed(int block) {
        return block < codes.size();
    }

    /// Keys of a head in a block of codes as `[headDim, 64]`.
    void unpackKeys(int block, int head, float[] target) {
        codes.get(block).unpackKeys(head, target, 0);
    }

    /// Values of a head in a block of codes as `[64, valueStride]`, beyond `headDim` zeros.
    void unpackValues(int block, int head, float[] target) {
        if (valueStride > headDim) {
            Arrays.fill(target, 0, BLOCK * valueStride, 0f);
        }
        codes.get(block).unpackValues(head, target, 0, valueStride);
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
