package dev.quern.kernels;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Query rows that read one kv head: row i lies at `at + i · stride` and has the first one's position `+ i · step`.
record AttentionTile(float[] q, int at, int stride, int rows, int step, int window, float scale) {
    /// The most rows: 8 times those of the inner block; scores and output stay in the first cache.
    static final int ROWS = 48;

    private static final VectorSpecies<Float> F = VectorWidth.FLOATS;
    private static final int L = VectorWidth.LANES;
    private static final int BLOCK = KvLayer.BLOCK;

    /// Attends from the rows, the first at `position`, to all they see: row i's output at `outAt + i · stride`.
    void attend(KvLayer cache, int kvHead, int position, float[] out, int outAt, Scratch scratch) {
        int padded = cache.valueStride();
        float[] sums = scratch.floats(Scratch.OUTPUTS, ROWS * padded);
        float[] maxima = scratch.floats(Scratch.MAXIMA, ROWS);
        float[] totals = scratch.floats(Scratch.TOTALS, ROWS);
        int first = window == 0 ? 0 : Math.max(0, position - window + 1);
        int last = position + (rows - 1) * step;
        accumulate(cache, kvHead, position, first / BLOCK, last / BLOCK + 1, sums, 0, maxima, totals, 0, scratch);
        for (int i = 0; i < rows; i++) {
            Elementwise.scale(sums, i * padded, 1 / totals[i], out, outAt + i * stride, cache.headDim());
        }
    }

    /// Attends to the positions of blocks `from … to − 1` alone. Of row i: the largest score to
    /// `maxima[rowAt + i]`, the sum of the weights relative to it to `totals[rowAt + i]`, and the
    /// weighted sum of the values to `sums[sumsAt + i · valueStride]`.
    void accumulate(
            KvLayer cache,
            int kvHead,
            int position,
            int from,
            int to,
            float[] sums,
            int sumsAt,
            float[] maxima,
            float[] totals,
            int rowAt,
            Scratch scratch) {
        int padded = cache.valueStride();
        Arrays.fill(sums, sumsAt, sumsAt + rows * padded, 0f);
        Arrays.fill(maxima, rowAt, rowAt + rows, Float.NEGATIVE_INFINITY);
        Arrays.fill(totals, rowAt, rowAt + rows, 0f);
        HalfAttention products = cache.products();
        if (products != null) {
            halves(products, cache, kvHead, position, from, to, sums, sumsAt, maxima, totals, rowAt, scratch);
            return;
        }
        float[] scores = scratch.floats(Scratch.SCORES, ROWS * BLOCK + L);
        for (int block = from; block < to; block++) {
            KvBlock held = cache.block(block);
            float[] keys;
            float[] values;
            int keysAt = 0;
            int valuesAt = 0;
            if (held instanceof KvFloats floats) {
                keys = floats.keys();
                values = floats.values();
                keysAt = cache.shape().keyOffset(kvHead);
                valuesAt = cache.shape().valueOffset(kvHead);
            } else {
                keys = scratch.floats(Scratch.KEYS, cache.headDim() * BLOCK);
                values = scratch.floats(Scratch.VALUES, BLOCK * padded);
                held.unpackKeys(kvHead, keys, 0);
                held.unpackValues(kvHead, values, 0);
            }
            Product.multiply(q, at, stride, rows, keys, keysAt, BLOCK, BLOCK, cache.headDim(), scores, 0, BLOCK, false);
            weights(scores, position, block, padded, sums, sumsAt, maxima, totals, rowAt);
            int seen = seen(position, block);
            Product.multiply(
                    scores, 0, BLOCK, rows, values, valuesAt, padded, padded, seen, sums, sumsAt, padded, true);
        }
    }

    /// The same on float16 where it lies: queries and sums are copied to where machine code takes them.
    private void halves(
            HalfAttention products,
            KvLayer cache,
            int kvHead,
            int position,
            int from,
            int to,
            float[] sums,
            int sumsAt,
            float[] maxima,
            float[] totals,
            int rowAt,
            Scratch scratch) {
        int headDim = cache.headDim();
        int padded = cache.valueStride();
        float[] scores = scratch.floats(Scratch.SCORES, ROWS * BLOCK + L);
        float[] queries = scratch.floats(Scratch.QUERIES, ROWS * headDim);
        float[] weighted = scratch.floats(Scratch.WEIGHTED, ROWS * padded);
        for (int i = 0; i < rows; i++) {
            System.arraycopy(q, at + i * stride, queries, i * headDim, headDim);
        }
        Arrays.fill(weighted, 0, rows * padded, 0f);
        MemorySegment scoreMemory = scratch.memory(Scratch.SCORES);
        MemorySegment queryMemory = scratch.memory(Scratch.QUERIES);
        MemorySegment weightedMemory = scratch.memory(Scratch.WEIGHTED);
        for (int block = from; block < to; block++) {
            KvHalves held = (KvHalves) cache.block(block);
            products.score(queryMemory, rows, held, kvHead, scoreMemory);
            weights(scores, position, block, padded, weighted, 0, maxima, totals, rowAt);
            products.weigh(scoreMemory, rows, held, kvHead, seen(position, block), weightedMemory);
        }
        System.arraycopy(weighted, 0, sums, sumsAt, rows * padded);
    }

    /// Positions of a block that the last row sees.
    private int seen(int position, int block) {
        return Math.min(BLOCK, position + (rows - 1) * step + 1 - block * BLOCK);
    }

    /// Turns the scores of a block into weights, and what was summed before into what it is beside them.
    private void weights(
            float[] scores,
            int position,
            int block,
            int padded,
            float[] sums,
            int sumsAt,
            float[] maxima,
            float[] totals,
            int rowAt) {
        int base = block * BLOCK;
        for (int i = 0; i < rows; i++) {
            int own = position + i * step;
            int low = window == 0 ? 0 : Math.max(0, own - window + 1 - base);
            float factor = softmaxStep(scores, i, low, own + 1 - base, maxima, totals, rowAt + i);
            if (factor != 1f) {
                int sum = sumsAt + i * padded;
                Elementwise.scale(sums, sum, factor, sums, sum, padded);
            }
        }
    }

    /// Turns row i's scores of positions `low … high − 1` of the block into weights relative to the
    /// largest score so far, and returns what earlier sums are to be multiplied by for it; other
    /// positions get weight 0.
    private float softmaxStep(float[] scores, int i, int low, int high, float[] maxima, float[] totals, int row) {
        int at = i * BLOCK;
        if (low >= BLOCK || high <= 0) {
            Arrays.fill(scores, at, at + BLOCK, 0f);
            return 1;
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
        float max = Math.max(maxima[row], scale * largest.reduceLanes(VectorOperators.MAX));
        FloatVector total = FloatVector.zero(F);
        for (int j = 0; j < BLOCK; j += L) {
            FloatVector score = FloatVector.fromArray(F, scores, at + j);
            FloatVector e = VectorExp.exp(score.mul(scale).sub(max));
            e.intoArray(scores, at + j);
            total = total.add(e);
        }
        float factor = maxima[row] == max ? 1f : (float) Math.exp(maxima[row] - max);
        total.intoArray(scores, ROWS * BLOCK);
        totals[row] = totals[row] * factor + LaneSum.of(scores, ROWS * BLOCK);
        maxima[row] = max;
        return factor;
    }
}
