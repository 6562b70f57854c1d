package dev.quern.kernels;

import dev.quern.core.KvScheme;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Keys and values of one layer of one sequence, laid out for `AttentionKernel`.
///
/// Positions lie in blocks of 64. Keys of a block are `[nKvHeads, headDim, 64]`: a lane belongs to a position, so that
/// scores need no horizontal sums. Values are `[nKvHeads, 64, headDim rounded up to 16]`: a lane belongs to a feature.
/// Memory grows by blocks, nothing is copied. Blocks are floats, or float16 under a `KvScheme` that says so; under one
/// that quantizes, `close` turns old blocks into codes and lets go of their floats. Not thread-safe while `append`,
/// `close` or `truncate` runs.
public final class KvLayer {
    /// Positions of a block.
    static final int BLOCK = KvScheme.BLOCK;

    private final KvShape shape;
    private final KvScheme scheme;
    private final @Nullable HalfAttention products;
    private final List<KvBlock> blocks = new ArrayList<>();

    /// Blocks that are codes.
    private int closed;

    private int length;

    /// Keys and values in floats.
    public KvLayer(int nKvHeads, int headDim) {
        this(nKvHeads, headDim, KvScheme.FLOAT);
    }

    public KvLayer(int nKvHeads, int headDim, KvScheme scheme) {
        this(nKvHeads, headDim, scheme, MachineCode.isa());
    }

    /// The same with float16 read by machine code of these instructions, or in Java.
    KvLayer(int nKvHeads, int headDim, KvScheme scheme, Optional<MachineCode.Isa> isa) {
        this.shape = new KvShape(nKvHeads, headDim);
        this.scheme = scheme;
        this.products = scheme.halves() ? HalfAttention.of(shape, isa).orElse(null) : null;
    }

    /// Heads that have keys and values of their own.
    public int nKvHeads() {
        return shape.nKvHeads();
    }

    /// Features of a head.
    public int headDim() {
        return shape.headDim();
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
        return blocks.stream().mapToLong(KvBlock::bytes).sum();
    }

    /// Turns the first `count` blocks of 64 positions, which must be full, into codes where they are not yet.
    public void close(int count) {
        if (!scheme.quantizes() && count > 0 || count * (long) BLOCK > length) {
            throw new IllegalArgumentException(
                    count + " blocks cannot be closed under " + scheme + " at length " + length);
        }
        for (; closed < count; closed++) {
            if (blocks.get(closed) instanceof KvFloats floats) {
                blocks.set(closed, new KvCodes(scheme, floats, closed == 0));
            }
        }
    }

    /// Adds positions `length … length + tokens`; `k` and `v` are `[tokens, nKvHeads · headDim]` at their offsets.
    public void append(float[] k, int kOffset, float[] v, int vOffset, int tokens) {
        int width = nKvHeads() * headDim();
        Border.range("k", k, kOffset, (long) tokens * width);
        Border.range("v", v, vOffset, (long) tokens * width);
        reserve(Math.addExact(length, tokens));
        for (int t = 0; t < tokens; t++) {
            KvBlock block = blocks.get((length + t) / BLOCK);
            int slot = (length + t) % BLOCK;
            for (int h = 0; h < nKvHeads(); h++) {
                int from = t * width + h * headDim();
                switch (block) {
                    case KvFloats floats -> floats.set(h, slot, k, kOffset + from, v, vOffset + from);
                    case KvHalves halves -> halves.set(h, slot, k, kOffset + from, v, vOffset + from);
                    case KvCodes _ -> throw new IllegalStateException("position " + (length + t) + " is codes");
                }
            }
        }
        length += tokens;
    }

    /// Forgets positions from `newLength` on; memory of open blocks is kept for the next. What became codes and is kept
    /// keeps the values of its codes.
    public void truncate(int newLength) {
        if (newLength < 0 || newLength > length) {
            throw new IllegalArgumentException("length is 0 … " + length + ", not " + newLength);
        }
        int whole = newLength / BLOCK;
        for (; closed > whole; closed--) {
            int block = closed - 1;
            KvFloats open = new KvFloats(shape);
            if (block == whole && newLength % BLOCK > 0) {
                for (int h = 0; h < nKvHeads(); h++) {
                    blocks.get(block).unpackKeys(h, open.keys(), shape.keyOffset(h));
                    blocks.get(block).unpackValues(h, open.values(), shape.valueOffset(h));
                }
            }
            blocks.set(block, open);
        }
        length = newLength;
    }

    /// The key of one position of one head, feature `d`.
    public float key(int head, int position, int d) {
        return blocks.get(position / BLOCK).key(head, position % BLOCK, d);
    }

    /// The value of one position of one head, feature `d`.
    public float value(int head, int position, int d) {
        return blocks.get(position / BLOCK).value(head, position % BLOCK, d);
    }

    /// True where the block is codes.
    boolean closed(int block) {
        return block < closed;
    }

    KvBlock block(int block) {
        return blocks.get(block);
    }

    KvShape shape() {
        return shape;
    }

    int valueStride() {
        return shape.valueStride();
    }

    /// What reads float16 where it lies; null where blocks are floats, or are unpacked to be.
    @Nullable
    HalfAttention products() {
        return products;
    }

    private void reserve(int positions) {
        int count = (positions + BLOCK - 1) / BLOCK;
        while (blocks.size() < count) {
            blocks.add(scheme.halves() ? new KvHalves(shape) : new KvFloats(shape));
        }
    }
}
