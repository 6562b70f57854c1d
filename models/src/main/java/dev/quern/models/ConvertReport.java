package dev.quern.models;

import java.util.List;

/// What `convert` wrote: bytes of all files, tensors, whether each weight reads back as exactly the value it had, and
/// the matrices whose rows do not divide into the blocks that were asked for.
public record ConvertReport(long bytes, int tensors, boolean lossless, List<Fallback> fallbacks) {
    /// A matrix in another type than its mixture asks for.
    public record Fallback(String tensor, int cols, String wanted, String written) {}

    public ConvertReport {
        fallbacks = List.copyOf(fallbacks);
    }
}
