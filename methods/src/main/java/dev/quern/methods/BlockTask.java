package dev.quern.methods;

import dev.quern.models.Block;
import dev.quern.models.Linear;
import dev.quern.models.Network;
import dev.quern.torch.TorchTensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// One block to be transformed: its parameters (to be changed in place), the calibration sequences where it begins,
/// what its weights and activations will be held in, and where to run parallel work.
///
/// `selected` are the Linears that will be quantized; the others must go along where a site demands it, but their
/// weights stay float. `trial` tells what the weight method that follows would make of the block; null where rounding
/// to nearest tells it as well.
public record BlockTask(
        Network network,
        Block block,
        BlockParameters parameters,
        BlockInputs inputs,
        BlockTarget target,
        List<Linear> selected,
        @Nullable BlockTrial trial,
        Parallel parallel,
        long seed,
        BlockStatus status) {
    /// The same with other parameters, for instance those from before.
    BlockTask withParameters(BlockParameters others) {
        return new BlockTask(network, block, others, inputs, target, selected, trial, parallel, seed, status);
    }

    /// The same work, told of to another.
    BlockTask withStatus(BlockStatus other) {
        return new BlockTask(network, block, parameters, inputs, target, selected, trial, parallel, seed, other);
    }

    /// The residual stream of sequence `i` in the float model, in the open scope.
    public TorchTensor exact(int i) {
        return inputs.exact(i);
    }

    /// The residual stream of sequence `i` behind the quantized prefix, in the open scope.
    public TorchTensor quantized(int i) {
        return inputs.quantized(i);
    }

    /// The sequences to learn from.
    public int[] training() {
        return HeldOut.training(inputs.sequences());
    }

    /// The sequences to judge by.
    public int[] heldOut() {
        return HeldOut.judging(inputs.sequences());
    }
}
