package dev.quern.testkit;

/// How far logits are from those of a reference, relative to the reference's root mean square: the largest difference,
/// the token position where it is, and the root mean square of all differences.
public record LogitDifference(double relative, int position, double mean) {
    /// The largest difference of any logit and the token position where it is; `vocabSize` logits a position.
    public static LogitDifference between(float[] logits, float[] reference, int vocabSize) {
        if (logits.length != reference.length) {
            throw new IllegalArgumentException(logits.length + " logits, " + reference.length + " in the reference");
        }
        double squares = 0;
        double largest = 0;
        double sum = 0;
        int at = 0;
        for (int i = 0; i < logits.length; i++) {
            squares += (double) reference[i] * reference[i];
            double difference = Math.abs((double) logits[i] - reference[i]);
            sum += difference * difference;
            if (!(difference <= largest)) {
                largest = difference;
                at = i / vocabSize;
            }
        }
        return new LogitDifference(largest / Math.sqrt(squares / logits.length), at, Math.sqrt(sum / squares));
    }
}
