package dev.quern.cli;

import dev.quern.runtime.Sampler;
import dev.quern.runtime.SamplerOptions;
import picocli.CommandLine.Option;

/// The options that say how tokens are chosen.
final class Sampling {
    @Option(
            names = "--temperature",
            paramLabel = "T",
            defaultValue = "0",
            description = "0 = always the likeliest token; 0.8 is lively.")
    double temperature;

    @Option(names = "--top-k", paramLabel = "K", defaultValue = "0", description = "Only the K likeliest; 0 = off.")
    int topK;

    @Option(
            names = "--top-p",
            paramLabel = "P",
            defaultValue = "1",
            description = "Only the likeliest that together have probability P; 1 = off.")
    double topP;

    @Option(
            names = "--min-p",
            paramLabel = "P",
            defaultValue = "0",
            description = "Only tokens at least P times as likely as the likeliest; 0 = off.")
    double minP;

    @Option(
            names = "--repeat-penalty",
            paramLabel = "R",
            defaultValue = "1",
            description = "Above 1: tokens used before become less likely; 1 = off.")
    double repeatPenalty;

    @Option(names = "--seed", paramLabel = "S", defaultValue = "0", description = "Of the random choice.")
    long seed;

    Sampler sampler() {
        return new Sampler(new SamplerOptions(temperature, topK, topP, minP, repeatPenalty, seed));
    }
}
