package dev.quern.kernels;

import java.util.function.IntConsumer;

/// Attention of one token, on fixed arrays: runs again for each token that follows, and allocates nothing.
///
/// The context is cut every 128 positions, so that few kv heads keep several threads busy; heads that share a kv head
/// go together, which reads its keys and values once. The pieces are put together in their order, so results do not
/// depend on the number of threads. Not thread-safe.
public final class TokenAttention implements IntConsumer {
    /// Blocks of a piece of the context.
    private static final int PIECE = 2;

    private final float[] q;
    private final int qOffset;
    private final float scale;
    private final AttentionTile[] tiles;
    private final int group;
    private final int nHeads;
    private final KvLayer cache;
    private final int window;
    private final float[] out;
    private final int outOffset;
    private final Workers workers;

    /// By head and piece: the largest score, the sum of the weights and the weighted sum of the values.
    private float[] maxima = new float[0];

    private float[] totals = new float[0];
    private float[] sums = new float[0];

    private int position;
    private int first;
    private int firstPiece;
    private int pieces;

    /// From `q [nHeads · headDim]` to `out [nHeads · headDim]`, over the latest `window` positions of `cache` (0 =
    /// all).
    public TokenAttention(
            float[] q,
            int qOffset,
            int nHeads,
            KvLayer cache,
            float scale,
            int window,
            float[] out,
            int outOffset,
            Workers workers) {
        Border.range("q", q, qOffset, (long) nHeads * cache.headDim());
        Border.range("out", out, outOffset, (long) nHeads * cache.headDim());
        this.q = q;
        this.qOffset = qOffset;
        this.scale = scale;
        this.nHeads = nHeads;
        this.cache = cache;
        this.window = window;
        this.out = out;
        this.outOffset = outOffset;
        this.workers = workers;
        this.group = AttentionKernel.group(nHeads, cache);
        int each = Math.ceilDiv(group, AttentionTile.ROWS);
        int headDim = cache.headDim();
        this.tiles = new AttentionTile[cache.nKvHeads() * each];
        for (int i = 0; i < tiles.length; i++) {
            int head = head(i);
            int rows = Math.min(AttentionTile.ROWS, group - i % each * AttentionTile.ROWS);
            tiles[i] = new AttentionTile(q, qOffset + head * headDim, headDim, rows, 0, window, scale);
        }
    }

    /// The first head of a tile.
    private int head(int tile) {
        int each = Math.ceilDiv(group, AttentionTile.ROWS);
        return tile / each * group + tile % each * AttentionTile.ROWS;
    }

    /// Attends from the token at `position`, which the cache holds already.
    public void attend(int position) {
        if (position < 0 || position >= cache.length()) {
            throw new IllegalArgumentException(
                    "a query at " + position + ": the cache holds " + cache.length() + " positions");
        }
        if (VectorWidth.SCALAR) {
            AttentionScalar.attend(q, qOffset, position, nHeads, cache, scale, window, out, outOffset);
            return;
        }
        this.position = position;
        first = window == 0 ? 0 : Math.max(0, position - window + 1);
        firstPiece = first / KvLayer.BLOCK / PIECE;
        pieces = position / KvLayer.BLOCK / PIECE + 1 - firstPiece;
        int parts = nHeads * pieces;
        if (maxima.length < parts) {
            int room = Integer.highestOneBit(parts) * 2;
            maxima = new float[room];
            totals = new float[room];
            sums = new float[Math.multiplyExact(room, cache.valueStride())];
        }
        workers.run(tiles.length * pieces, this);
        for (int head = 0; head < nHeads; head++) {
            join(head);
        }
    }

    /// One tile over one piece.
    @Override
    public void accept(int task) {
        AttentionTile tile = tiles[task / pieces];
        int piece = task % pieces;
        int from = Math.max(first / KvLayer.BLOCK, (firstPiece + piece) * PIECE);
        int to = Math.min(position / KvLayer.BLOCK + 1, (firstPiece + piece + 1) * PIECE);
        // rows of a tile lie together: head by head within a piece
        int head = head(task / pieces);
        int at = piece * nHeads + head;
        tile.accumulate(
                cache,
                head / group,
                position,
                from,
                to,
                sums,
                at * cache.valueStride(),
                maxima,
                totals,
                at,
                workers.scratch());
    }

    private void join(int head) {
        float max = Float.NEGATIVE_INFINITY;
        for (int piece = 0; piece < pieces; piece++) {
            max = Math.max(max, maxima[piece * nHeads + head]);
        }
        int headDim = cache.headDim();
        int stride = cache.valueStride();
        int to = outOffset + head * headDim;
        float total = 0;
        for (int piece = 0; piece < pieces; piece++) {
            int at = piece * nHeads + head;
            float factor = maxima[at] == max ? 1 : (float) Math.exp(maxima[at] - max);
            total += factor * totals[at];
            if (piece == 0) {
                Elementwise.scale(sums, at * stride, factor, out, to, headDim);
            } else {
                for (int d = 0; d < headDim; d++) {
                    out[to + d] += factor * sums[at * stride + d];
                }
            }
        }
        Elementwise.scale(out, to, 1 / total, out, to, headDim);
    }
}
