package dev.quern.runtime;

import dev.quern.core.UsageException;

/// How the next token is chosen.
///
/// `temperature` 0 = the likeliest. `topK` 0, `topP` 1, `minP` 0 and `repeatPenalty` 1 switch those filters off.
public record SamplerOptions(double temperature, int topK, double topP, double minP, double repeatPenalty, long seed) {
    /// Always the likeliest token.
    public static final SamplerOptions GREEDY = new SamplerOptions(0, 0, 1, 0, 1, 0);

    public SamplerOptions {
        require(temperature >= 0 && Double.isFinite(temperature), "temperature", temperature, "0 or more");
        require(topK >= 0, "top-k", topK, "0 (off) or more");
        require(topP > 0 && topP <= 1, "top-p", topP, "above 0, at most 1 (off)");
        require(minP >= 0 && minP <= 1, "min-p", minP, "0 (off) to 1");
        require(
                repeatPenalty > 0 && Double.isFinite(repeatPenalty),
                "repeat-penalty",
                repeatPenalty,
                "above 0; 1 = off");
    }

    private static void require(boolean holds, String option, Number found, String allowed) {
        if (!holds) {
            throw new UsageException("--" + option + " " + found + ": allowed is " + allowed);
        }
    }
}
