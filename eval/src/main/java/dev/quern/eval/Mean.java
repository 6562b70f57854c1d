package dev.quern.eval;

/// Mean and standard error of numbers that come one by one (Welford's way, so nothing cancels).
final class Mean {
    private long count;
    private double mean;
    private double squares;

    void add(double value) {
        count++;
        double delta = value - mean;
        mean += delta / count;
        squares += delta * (value - mean);
    }

    long count() {
        return count;
    }

    double value() {
        return mean;
    }

    /// `sqrt(variance / (count − 1))` as llama.cpp has it, variance over `count`; 0 for fewer than 2 numbers.
    double standardError() {
        return count < 2 ? 0 : Math.sqrt(squares / count / (count - 1));
    }
}
