package dev.quern.kernels;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Causal attention over a `KvLayer`: `out = softmax(scale · Q·Kᵀ) · V`, tiled over the context with online softmax.
///
/// No matrix of all scores exists: a task holds scores of 48 queries × 64 positions. Query head h reads kv head
/// `h / (nHeads / nKvHeads)`. Many tokens: a tile is one head's consecutive tokens. Few tokens: a tile is one token's
/// heads that share a kv head, so that its keys and values are read once. Oracle: `AttentionScalar`.
public final class AttentionKernel {
    private static final VectorSpecies<Float> F = VectorWidth.FLOATS;
    private static final int L = VectorWidth.LANES;
    private static final int BLOCK = KvLayer.BLOCK;

    /// Query rows of a tile: 8 times the rows of the inner block; scores and output stay in the first cache.
    private static final int TILE = 48;

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
        if (nHeads % cache.nKvHeads() != 0) {
            throw new IllegalArgumentException(
                    nHeads + " query heads do not divide among " + cache.nKvHeads() + " kv heads");
        }
        if (start < 0 || window < 0 || start + tokens > cache.length()) {
            throw new IllegalArgumentException("queries at " + start + " … " + (start + tokens) + " with window "
                    + window + ": the cache holds " + cache.length() + " positions");
        }
        int width = nHeads * headDim;
        Border.range("q", q, qOffset, (long) tokens * width);
        Border.range("out", out, outOffset, (long) tokens * width);
        int group = nHeads / cache.nKvHeads();
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
        if (tokens < 4 && group > 1) {
            workers.run(tokens * cache.nKvHeads(), task -> {
                int t = task / cache.nKvHeads();
                int kvHead = task % cache.nKvHeads();
                int at = t * width + kvHead * group * headDim;
                for (int done = 0; done < group; done += TILE) {
                    int shift = at + done * headDim;
                    new Tile(q, qOffset + shift, headDim, Math.min(TILE, group - done), start + t, 0, window, scale)
                            .attend(cache, kvHead, out, outOffset + shift, workers.scratch());
                }
            });
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
            new Tile(q, qOffset + at, width, Math.min(TILE, tokens - from), start + from, 1, window, scale)
                    .attend(cache, head / group, out, outOffset + at, workers.scratch());
        });
    }

    /// Query rows that read one kv head: row i lies at `at + i · stride` and has position `position + i · step`.
    private record Tile(float[] q, int at, int stride, int rows, int position, int step, int window, float scale) {
        void attend(KvLayer cache, int kvHead, float[] out, int outAt, Scratch scratch) {
            int headDim = cache.headDim();
            int padded = cache.valueStride();
            float[] scores = scratch.floats(Scratch.SCORES, TILE * BLOCK);
            float[] sums = scratch.floats(Scratch.OUTPUTS, TILE * padded);
            float[] maxima = scratch.floats(Scratch.MAXIMA, TILE);
            float[] totals = scratch.floats(Scratch.TOTALS, TILE);
            Arrays.fill(sums, 0, rows * padded, 0f);
            Arrays.fill(maxima, 0, rows, Float.NEGATIVE_INFINITY);
            Arrays.fill(totals, 0, rows, 0f);
            int last = position + (rows - 1) * step;
            int first = window == 0 ? 0 : Math.max(0, position - window + 1);
            for (int block = first / BLOCK; block <= last / BLOCK; block++) {
                int base = block * BLOCK;
                boolean closed = cache.closed(block);
                float[] keys = cache.keyBlock(block);
                float[] values = cache.valueBlock(block);
                if (closed) {
                    keys = scratch.floats(Scratch.KEYS, headDim * BLOCK);
                    values = scratch.floats(Scratch.VALUES, BLOCK * padded);
                    cache.unpackKeys(block, kvHead, keys);
                    cache.unpackValues(block, kvHead, values);
                }
                Product.multiply(
                        q,
                        at,
                        stride,
                        rows,
                        keys,
                        closed ? 0 : cache.keyOffset(kvHead),
                        BLOCK,
                        BLOCK,
                        headDim,
                        scores,
                        0,
                        BLOCK,
                        false);
                for (int i = 0; i < rows; i++) {
                    int own = position + i * step;
                    int low = window == 0 ? 0 : Math.max(0, own - window + 1 - base);
                    softmaxStep(scores, i, low, own + 1 - base, sums, padded, maxima, totals);
                }
                Product.multiply(
                        scores,
                        0,
                        BLOCK,
                        rows,
                        values,
                        closed ? 0 : cache.valueOffset(kvHead),
                        padded,
                        padded,
                        Math.min(BLOCK, last + 1 - base),
                        sums,
                        0,
                        padded,
                        true);
            }
            for (int i = 0; i < rows; i++) {
                Elementwise.scale(sums, i * padded, 1 / totals[i], out, outAt + i * stride, headDim);
            }
        }

        /// Turns row i's scores of positions `low … high` of the block into weights relative to the largest score so
        /// far, and the row's earlier sums with them; other positions get weight 0.
        private void softmaxStep(
                float[] scores, int i, int low, int high, float[] sums, int padded, float[] maxima, float[] totals) {
            int at = i * BLOCK;
            if (low >= BLOCK || high <= 0) {
                Arrays.fill(scores, at, at + BLOCK, 0f);
                return;
            }
            if (low > 0) {
                Arrays.fill(scores, at, at + low, Float.NEGATIVE_INFINITY);
            }
            if (high < BLOCK) {
                Arrays.fill(scores, at + high, at + BLOCK, Float.NEGATIVE_INFINITY);
            }
            FloatVector largest = FloatVector.fromArray(F, scores, at);
            for (int j = L; j < BLOCK; j += L) {
                largest = largest.max(FloatVector.fromArray(F, scores, at + j));
            }
            float max = Math.max(maxima[i], scale * largest.reduceLanes(VectorOperators.MAX));
            FloatVector total = FloatVector.zero(F);
            for (int j = 0; j < BLOCK; j += L) {
                FloatVector score = FloatVector.fromArray(F, scores, at + j);
                FloatVector e = VectorExp.exp(score.mul(scale).sub(max));
                e.intoArray(scores, at + j);
                total = total.add(e);
            }
            float factor = maxima[i] == max ? 1f : (float) Math.exp(maxima[i] - max);
            if (factor != 1f) {
                Elementwise.scale(sums, i * padded, factor, sums, i * padded, padded);
            }
            totals[i] = totals[i] * factor + LaneSum.of(total);
            maxima[i] = max;
        }
    }
}
