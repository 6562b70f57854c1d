package dev.quern.methods;

import dev.quern.models.Block;
import dev.quern.models.Linear;
import dev.quern.models.Network;
import dev.quern.torch.TorchTensor;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/// One block to be transformed: its parameters (to be changed in place), the calibration sequences where it begins,
/// what its weights and activations will be held in, and where to run parallel work.
///
/// `selected` are the Linears that will be quantized; the others must go along where a site demands it, but their
/// weights stay float. `status` takes a few words on what is going on, for the progress line.
public record BlockTask(
        Network network,
        Block block,
        BlockParameters parameters,
        BlockInputs inputs,
        BlockTarget target,
        List<Linear> selected,
        Parallel parallel,
        long seed,
        Consumer<String> status) {
    /// A sequence in `HELD_OUT` is kept for judging what was learned from the others.
    private static final int HELD_OUT = 8;

    /// The same with other parameters, for instance those from before.
    BlockTask withParameters(BlockParameters others) {
        return new BlockTask(network, block, others, inputs, target, selected, parallel, seed, status);
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
        return IntStream.range(0, inputs.sequences())
                .filter(i -> inputs.sequences() < 2 || !isHeldOut(i))
                .toArray();
    }

    /// The sequences to judge by: every eighth, at least one; where there is but one sequence it serves for both.
    public int[] heldOut() {
        return IntStream.range(0, inputs.sequences())
                .filter(i -> inputs.sequences() < 2 || isHeldOut(i))
                .toArray();
    }

    private boolean isHeldOut(int i) {
        return i % HELD_OUT == Math.min(HELD_OUT, inputs.sequences()) - 1;
    }
}
