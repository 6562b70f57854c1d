package dev.quern.methods;

import java.util.List;

/// A place in a block with a transform that is learned there: without quantization the block's output does not depend
/// on what is learned.
sealed interface LearnedSite permits LearnedScale, LearnedHeads, LearnedPairs, LearnedInput {
    /// What moves where, for logs.
    String name();

    /// The free numbers.
    List<Learned> learned();

    /// Replaces tensors of the block by their transforms. `leaves` gives the tensor of each of `learned`; `epoch` is
    /// the
    /// place in the gradual mask's schedule.
    void apply(BlockTensors tensors, Leaves leaves, int epoch);

    /// The matrices behind the transform, for checks and reports; empty where it is a diagonal.
    default List<MatrixPair> matrices(Leaves leaves, int epoch) {
        return List.of();
    }
}
