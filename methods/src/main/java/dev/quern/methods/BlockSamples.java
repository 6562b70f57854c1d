package dev.quern.methods;

import dev.quern.models.Block;
import dev.quern.torch.TorchOps;
import dev.quern.torch.TorchTensor;
import dev.quern.torch.TorchWeights;
import java.util.List;

/// What enters a block behind the quantized prefix, and what leaves the same block of the float model: `[tokens,
/// width]`
/// for each calibration sequence.
record BlockSamples(List<float[]> inputs, List<float[]> targets, int width) {
    int count() {
        return inputs.size();
    }

    /// How far the block's output under `weights` is from the target in sequence `i`: squares of each token's error
    /// relative to the token's own target, as the next norm sees them, in the open scope.
    TorchTensor loss(Block block, TorchWeights weights, int i) {
        float[] input = inputs.get(i);
        float[] target = targets.get(i);
        int tokens = target.length / width;
        TorchTensor found = block.forward(new TorchOps(weights), TorchTensor.ofRange(input, 0, tokens, width));
        TorchTensor gap = found.sub(TorchTensor.of(target, tokens, width));
        return gap.square()
                .sum(1)
                .mul(TorchTensor.of(BlockObjective.weights(target, width), tokens, 1))
                .sum();
    }
}
