package dev.quern.methods;

import dev.quern.models.Block;
import dev.quern.torch.TorchOps;
import dev.quern.torch.TorchTensor;
import dev.quern.torch.TorchWeights;
import java.util.List;

/// What enters a block behind the quantized prefix, and what leaves the same block of the float model: `[tokens,
/// width]`
/// for each calibration sequence; `weights` are the factors of its tokens' squared errors.
record BlockSamples(List<float[]> inputs, List<float[]> targets, List<float[]> weights, int width) {
    BlockSamples(List<float[]> inputs, List<float[]> targets, int width) {
        this(
                inputs,
                targets,
                targets.stream()
                        .map(target -> BlockObjective.weights(target, width))
                        .toList(),
                width);
    }

    int count() {
        return inputs.size();
    }

    /// How far the block's output under `held` is from the target in sequence `i`: squares of each token's error
    /// relative to the token's own target, as the next norm sees them, in the open scope.
    TorchTensor loss(Block block, TorchWeights held, int i) {
        float[] input = inputs.get(i);
        TorchTensor found =
                block.forward(new TorchOps(held), TorchTensor.ofRange(input, 0, input.length / width, width));
        return BlockObjective.distance(found, targets.get(i), weights.get(i));
    }
}
