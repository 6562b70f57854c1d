package dev.quern.torch;

/// The learning rate of each step.
@FunctionalInterface
public interface LearningRate {
    /// The rate of `step`, counted from 0.
    double at(int step);

    /// Rises linearly to `peak` over `warmup` steps, then falls along half a cosine to `floor` at `steps`.
    static LearningRate cosine(double peak, double floor, int warmup, int steps) {
        return step -> {
            if (step < warmup) {
                return peak * (step + 1) / warmup;
            }
            double done = Math.min(1, (double) (step - warmup) / Math.max(1, steps - warmup));
            return floor + (peak - floor) * 0.5 * (1 + Math.cos(Math.PI * done));
        };
    }
}
