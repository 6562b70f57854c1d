package dev.quern.runtime;

/// What a generation made: the text without special tokens and stop string, and what it took.
///
/// The first generated token comes from the prefill, so `decodeSeconds` is the time of `decodeSteps` forward passes.
public record Generation(
        String text,
        int promptTokens,
        int generatedTokens,
        int decodeSteps,
        double prefillSeconds,
        double decodeSeconds,
        FinishReason finishReason) {
    /// Prompt tokens per second.
    public double prefillTokensPerSecond() {
        return promptTokens / prefillSeconds;
    }

    /// Decoded tokens per second; 0 where there was no decode step.
    public double decodeTokensPerSecond() {
        return decodeSteps == 0 ? 0 : decodeSteps / decodeSeconds;
    }
}
