package dev.quern.runtime;

/// Why a generation ended.
public enum FinishReason {
    /// An end token or a stop string.
    STOP,
    /// As many tokens as were asked for.
    LENGTH
}
