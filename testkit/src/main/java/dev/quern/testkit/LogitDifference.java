package dev.quern.testkit;

/// How far logits are from those of a reference, relative to the reference's root mean square.
public record LogitDifference(double relative, int position) {
    /// The largest difference of any logit and the token position where it is; `vocabSize` logits a position.
    public static LogitDifference between(float[] logits, float[] reference, int vocabSize) {
        if (logits.length != reference.length) {
            throw new IllegalArgumentException(logits.length + " logits, " + reference.length + " in the reference");
        }
        double squares = 0;
        double largest = 0;
        int at = 0;
        for (int i = 0; i < logits.length; i++) {
            squares += (double) reference[i] * reference[i];
            double difference = Math.abs((double) logits[i] - reference[i]);
            if (!(difference <= largest)) {
                largest = difference;
                at = i / vocabSize;
            }
        }
        return new LogitDifference(largest / Math.sqrt(squares / logits.length), at);
    }
}
