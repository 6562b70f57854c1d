package dev.quern.eval;

/// Log-probabilities of a row of logits, in double.
final class LogSoftmax {
    private LogSoftmax() {}

    /// `ln Σ exp(data[offset … offset + n))`.
    static double logSum(float[] data, int offset, int n) {
        float max = Float.NEGATIVE_INFINITY;
        for (int i = offset; i < offset + n; i++) {
            max = Math.max(max, data[i]);
        }
        double sum = 0;
        for (int i = offset; i < offset + n; i++) {
            sum += Math.exp((double) data[i] - max);
        }
        return max + Math.log(sum);
    }
}
