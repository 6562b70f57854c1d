package dev.quern.kernels;

/// The oracle of `AttentionKernel`: one token, all scores of a head at once, sums in double.
final class AttentionScalar {
    private AttentionScalar() {}

    static void attend(
            float[] q,
            int qOffset,
            int position,
            int nHeads,
            KvLayer cache,
            float scale,
            int window,
            float[] out,
            int outOffset) {
        int headDim = cache.headDim();
        int group = nHeads / cache.nKvHeads();
        int first = window == 0 ? 0 : Math.max(0, position - window + 1);
        float[] weights = new float[position + 1 - first];
        for (int h = 0; h < nHeads; h++) {
            for (int p = first; p <= position; p++) {
                double score = 0;
                for (int d = 0; d < headDim; d++) {
                    score += (double) q[qOffset + h * headDim + d] * cache.key(h / group, p, d);
                }
                weights[p - first] = (float) (score * scale);
            }
            ElementwiseScalar.softmax(weights, 0, weights.length);
            for (int d = 0; d < headDim; d++) {
                double sum = 0;
                for (int p = first; p <= position; p++) {
                    sum += (double) weights[p - first] * cache.value(h / group, p, d);
                }
                out[outOffset + h * headDim + d] = (float) sum;
            }
        }
    }
}
