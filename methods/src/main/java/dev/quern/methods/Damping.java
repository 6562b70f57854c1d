package dev.quern.methods;

import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// A Hessian made fit for use: dead inputs given a diagonal, damped until it factors, in processing order.
///
/// `h` is the damped matrix in the columns' own order; `factor` belongs to the permuted one, whose column q is column
/// `order[q]`. `dead` marks inputs that were never anything but zero. `fallback` says that more damping than asked for
/// was needed.
record Damping(
        double[] h,
        UpperFactor factor,
        int[] order,
        boolean[] dead,
        @Nullable String fallback) {
    private static final double[] LADDER = {0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1};

    /// Climbs the ladder: the damping asked for, more of it up to the mean diagonal itself, then a floor under the
    /// diagonal; empty where all of that fails.
    static Optional<Damping> of(Hessian hessian, double damping, boolean actOrder, Parallel parallel) {
        int n = hessian.size();
        double[] h = hessian.h().clone();
        boolean[] dead = new boolean[n];
        double sum = 0;
        int alive = 0;
        for (int i = 0; i < n; i++) {
            double d = h[i * n + i];
            if (!Double.isFinite(d) || d < 0) {
                return Optional.empty();
            }
            dead[i] = d == 0;
            sum += d;
            alive += dead[i] ? 0 : 1;
        }
        double mean = alive == 0 ? 1 : sum / alive;
        for (int i = 0; i < n; i++) {
            if (dead[i]) {
                h[i * n + i] = mean;
            }
        }
        int[] order = actOrder ? byDiagonal(h, n) : IntStream.range(0, n).toArray();
        Optional<Damping> found = attempt(h, n, damping * mean, order, dead, null, parallel);
        for (double more : LADDER) {
            if (found.isEmpty() && more > damping) {
                found = attempt(h, n, more * mean, order, dead, "damping raised to " + more, parallel);
            }
        }
        for (int k = 0; k <= 6 && found.isEmpty(); k++) {
            double floor = 1e-6 * mean * Math.pow(10, k);
            double[] floored = h.clone();
            for (int i = 0; i < n; i++) {
                floored[i * n + i] = Math.max(floored[i * n + i], floor);
            }
            found = attempt(floored, n, mean, order, dead, "diagonal floor " + floor + " and damping 1", parallel);
        }
        return found;
    }

    private static Optional<Damping> attempt(
            double[] h,
            int n,
            double ridge,
            int[] order,
            boolean[] dead,
            @Nullable String fallback,
            Parallel parallel) {
        double[] damped = h.clone();
        for (int i = 0; i < n; i++) {
            damped[i * n + i] += ridge;
        }
        double[] permuted = new double[damped.length];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                permuted[i * n + j] = damped[order[i] * n + order[j]];
            }
        }
        return UpperFactor.of(permuted, n, parallel).map(f -> new Damping(damped, f, order, dead, fallback));
    }

    /// Columns by their diagonal, largest first; equal ones keep their order.
    private static int[] byDiagonal(double[] h, int n) {
        return IntStream.range(0, n)
                .boxed()
                .sorted((a, b) -> Double.compare(h[b * n + b], h[a * n + a]))
                .mapToInt(Integer::intValue)
                .toArray();
    }

    /// The share of each input, in its own order, in GPTQ's exact loss `Σ (target_q − ŵ_q)² · R_qq²`.
    double[] importance() {
        double[] importance = new double[order.length];
        for (int q = 0; q < order.length; q++) {
            importance[order[q]] = factor.pivot(q) * factor.pivot(q);
        }
        return importance;
    }
}
