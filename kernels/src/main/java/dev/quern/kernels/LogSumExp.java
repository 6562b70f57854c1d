package dev.quern.kernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Log-probabilities of whole rows of logits: one row per token of a vocabulary of 150,000 is what evaluation does
/// most.
///
/// Exponentials in float, runs of 32 vectors summed in float and the runs in double: within 1e-6 of a sum in double.
/// Single-threaded. Oracle: `LogSumExpScalar`.
public final class LogSumExp {
    private static final VectorSpecies<Float> F = VectorWidth.FLOATS;
    private static final int L = VectorWidth.LANES;

    /// Floats that are summed in float before they go into a double.
    private static final int RUN = 32 * L;

    private LogSumExp() {}

    /// `ln Σ exp(x[offset … offset + n))`; NaN where a value is NaN or none is finite.
    public static double of(float[] x, int offset, int n) {
        Border.range("x", x, offset, n);
        if (VectorWidth.SCALAR) {
            return LogSumExpScalar.of(x, offset, n);
        }
        float max = max(x, offset, n);
        double sum = 0;
        int i = 0;
        while (i <= n - L) {
            int end = Math.min(i + RUN, n - L + 1);
            FloatVector run = FloatVector.zero(F);
            for (; i < end; i += L) {
                run = run.add(
                        VectorExp.exp(FloatVector.fromArray(F, x, offset + i).sub(max)));
            }
            sum += LaneSum.of(run);
        }
        for (; i < n; i++) {
            sum += Math.exp((double) x[offset + i] - max);
        }
        return max + Math.log(sum);
    }

    /// `KL(softmax p ‖ softmax q)` in nats of two rows of `n` logits, given the `of` of each.
    ///
    /// `Σ w·(p − q) / Σ w − (pSum − qSum)` with `w = exp(p − max p)`: equal rows give exactly 0, and what they
    /// have in common cancels before it is rounded. Rounding may make a tiny result negative.
    public static double divergence(float[] p, int pOffset, double pSum, float[] q, int qOffset, double qSum, int n) {
        Border.range("p", p, pOffset, n);
        Border.range("q", q, qOffset, n);
        if (VectorWidth.SCALAR) {
            return LogSumExpScalar.divergence(p, pOffset, pSum, q, qOffset, qSum, n);
        }
        float max = max(p, pOffset, n);
        double weights = 0;
        double sum = 0;
        int i = 0;
        while (i <= n - L) {
            int end = Math.min(i + RUN, n - L + 1);
            FloatVector weightRun = FloatVector.zero(F);
            FloatVector run = FloatVector.zero(F);
            for (; i < end; i += L) {
                FloatVector a = FloatVector.fromArray(F, p, pOffset + i);
                FloatVector w = VectorExp.exp(a.sub(max));
                weightRun = weightRun.add(w);
                run = w.fma(a.sub(FloatVector.fromArray(F, q, qOffset + i)), run);
            }
            weights += LaneSum.of(weightRun);
            sum += LaneSum.of(run);
        }
        for (; i < n; i++) {
            double w = Math.exp((double) p[pOffset + i] - max);
            weights += w;
            sum += w * ((double) p[pOffset + i] - q[qOffset + i]);
        }
        return sum / weights - (pSum - qSum);
    }

    private static float max(float[] x, int offset, int n) {
        int i = 0;
        float max = Float.NEGATIVE_INFINITY;
        if (n >= L) {
            FloatVector largest = FloatVector.broadcast(F, max);
            for (; i <= n - L; i += L) {
                largest = largest.max(FloatVector.fromArray(F, x, offset + i));
            }
            max = largest.reduceLanes(VectorOperators.MAX);
        }
        for (; i < n; i++) {
            max = Math.max(max, x[offset + i]);
        }
        return max;
    }
}
