package dev.quern.methods;

/// Told what a method does with a block and which share of its work there is done, for the progress line.
///
/// Called from the working thread, often. A share, from 0 to 1, is a guess at time; it falls back where a method
/// begins anew.
@FunctionalInterface
public interface BlockStatus {
    /// Where nobody is told.
    BlockStatus NONE = (_, _) -> {};

    void at(String what, double share);

    /// Told of a part of this work, which lies from share `from` to share `to` of it.
    default BlockStatus within(double from, double to) {
        return (what, share) -> at(what, from + share * (to - from));
    }
}
