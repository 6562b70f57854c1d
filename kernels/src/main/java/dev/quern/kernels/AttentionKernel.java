package dev.quern.kernels;

/// Causal attention over a `KvLayer`: `out = softmax(scale · Q·Kᵀ) · V`, tiled over the context with online softmax.
///
/// No matrix of all scores exists: a task holds scores of 48 queries × 64 positions. Query head h reads kv head
/// `h / (nHeads / nKvHeads)`. Many tokens: a tile is one head's consecutive tokens. Few tokens:
/// `TokenAttention`. Oracle: `AttentionScalar`.
public final class AttentionKernel {
    /// Query rows of a tile.
    private static final int TILE = AttentionTile.ROWS;

    /// Fewer tokens than this are taken one by one.
    private static final int FEW = 4;

    private AttentionKernel() {}

    /// Attends from `q [tokens, nHeads · headDim]`, whose first token has position `start`, to all positions of `cache`
    /// up to its own (the latest `window` of them; 0 = all). The cache holds these tokens already. Writes
    /// `out [tokens, nHeads · headDim]`.
    public static void attend(
            float[] q,
            int qOffset,
            int tokens,
            int start,
            int nHeads,
            KvLayer cache,
            float scale,
            int window,
            float[] out,
            int outOffset,
            Workers workers) {
        int headDim = cache.headDim();
        int group = group(nHeads, cache);
        if (start < 0 || window < 0 || start + tokens > cache.length()) {
            throw new IllegalArgumentException("queries at " + start + " … " + (start + tokens) + " with window "
                    + window + ": the cache holds " + cache.length() + " positions");
        }
        int width = nHeads * headDim;
        Border.range("q", q, qOffset, (long) tokens * width);
        Border.range("out", out, outOffset, (long) tokens * width);
        if (VectorWidth.SCALAR) {
            workers.run(
                    tokens,
                    t -> AttentionScalar.attend(
                            q,
                            qOffset + t * width,
                            start + t,
                            nHeads,
                            cache,
                            scale,
                            window,
                            out,
                            outOffset + t * width));
            return;
        }
        if (tokens < FEW && group > 1) {
            for (int t = 0; t < tokens; t++) {
                new TokenAttention(
                                q,
                                qOffset + t * width,
                                nHeads,
                                cache,
                                scale,
                                window,
                                out,
                                outOffset + t * width,
                                workers)
                        .attend(start + t);
            }
            return;
        }
        int tiles = (tokens + TILE - 1) / TILE;
        workers.run(nHeads * tiles, task -> {
            int head = task / tiles;
            // later tiles see more: taken from both ends in turn, every contiguous share weighs about the same
            int turn = task % tiles;
            int tile = turn % 2 == 0 ? turn / 2 : tiles - 1 - turn / 2;
            int from = tile * TILE;
            int at = from * width + head * headDim;
            new AttentionTile(q, qOffset + at, width, Math.min(TILE, tokens - from), 1, window, scale)
                    .attend(cache, head / group, start + from, out, outOffset + at, workers.scratch());
        });
    }

    /// Query heads that share a kv head; they must divide among them.
    static int group(int nHeads, KvLayer cache) {
        if (nHeads % cache.nKvHeads() != 0) {
            throw new IllegalArgumentException(
                    nHeads + " query heads do not divide among " + cache.nKvHeads() + " kv heads");
        }
        return nHeads / cache.nKvHeads();
    }
}
