package dev.quern.cli;

import picocli.CommandLine.Option;

/// What every command understands.
final class Common {
    @Option(names = "--json", description = "Print exactly one JSON object on stdout.")
    boolean json;

    @Option(
            names = {"-v", "--verbose"},
            description = "Log each step; print the stack trace of a failure.")
    boolean verbose;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this help.")
    boolean help;
}
