package dev.quern.methods;

/// What rounding did to a matrix, without statistics of its inputs: `|ΔW|² / |W|²`.
final class RelativeError {
    private RelativeError() {}

    static double of(float[] exact, float[] found) {
        double lost = 0;
        double total = 0;
        for (int i = 0; i < exact.length; i++) {
            double gap = (double) exact[i] - found[i];
            lost += gap * gap;
            total += (double) exact[i] * exact[i];
        }
        return total > 0 ? lost / total : 0;
    }
}
