package dev.quern.core;

/// Told how far long work is: `step` names what is being done, `done` of `total` units are finished.
///
/// Called from the working thread, often; an implementation is quick and never throws.
@FunctionalInterface
public interface Progress {
    /// Progress that nobody watches.
    Progress NONE = (step, done, total) -> {};

    void at(String step, long done, long total);
}
