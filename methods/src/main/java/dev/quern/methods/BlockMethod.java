package dev.quern.methods;

import java.util.Map;

/// Rewrites one block's parameters so that they quantize better: without quantization the block still computes
/// what it
/// did before. Some weight method of the same recipe then chooses the codes.
///
/// A function of the task, the settings and the seed: same arguments, same bytes, whatever the number of threads.
public non-sealed interface BlockMethod<C extends Record> extends Method<C> {
    /// True where `transform` looks at the calibration sequences.
    boolean calibrated(C config);

    /// The name of the weight method that follows where a recipe ends with this one.
    default String follower() {
        return "rtn";
    }

    /// Keys of the follower, where they are not given.
    default Map<String, ?> followerKeys() {
        return Map.of();
    }

    /// Changes `task.parameters()` in place. Ends in a usable block always: what fails on the way is undone,
    /// replaced
    /// by something simpler and named in the outcome.
    BlockOutcome transform(BlockTask task, C config);
}
