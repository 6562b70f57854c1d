package dev.quern.kernels;

/// The oracle of `LogSumExp`: all in double.
final class LogSumExpScalar {
    private LogSumExpScalar() {}

    static double of(float[] x, int offset, int n) {
        float max = Float.NEGATIVE_INFINITY;
        for (int i = offset; i < offset + n; i++) {
            max = Math.max(max, x[i]);
        }
        double sum = 0;
        for (int i = offset; i < offset + n; i++) {
            sum += Math.exp((double) x[i] - max);
        }
        return max + Math.log(sum);
    }

    static double divergence(float[] p, int pOffset, double pSum, float[] q, int qOffset, double qSum, int n) {
        double sum = 0;
        for (int i = 0; i < n; i++) {
            double difference = (double) p[pOffset + i] - q[qOffset + i] - (pSum - qSum);
            sum += Math.exp(p[pOffset + i] - pSum) * difference;
        }
        return sum;
    }
}
