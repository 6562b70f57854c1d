package dev.quern.methods;

import dev.quern.core.PackedWeight;
import dev.quern.models.Block;
import dev.quern.models.Embedding;
import dev.quern.models.Linear;
import dev.quern.models.Norm;
import dev.quern.models.WeightSource;
import dev.quern.torch.TorchTensor;
import dev.quern.torch.TorchWeights;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// One block's parameters as tensors of the scope that was open when it was made; Linears can be replaced one by one.
final class BlockWeights implements TorchWeights {
    private final TorchWeights stored;
    private final Map<String, TorchTensor> weights = new HashMap<>();
    private final Map<String, TorchTensor> biases = new HashMap<>();
    private final Map<String, TorchTensor> norms = new HashMap<>();

    BlockWeights(Block block, WeightSource source) {
        stored = TorchWeights.streaming(source);
        for (Linear linear : block.linears()) {
            weights.put(linear.weightName(), stored.weight(linear));
            if (linear.bias()) {
                float[] bias = source.vector(linear.biasName());
                biases.put(linear.biasName(), TorchTensor.of(bias, bias.length));
            }
        }
    }

    /// The parameters as they are now.
    BlockWeights(BlockParameters parameters, WeightSource source) {
        stored = TorchWeights.streaming(source);
        for (Linear linear : parameters.block().linears()) {
            weights.put(
                    linear.weightName(),
                    TorchTensor.of(parameters.weight(linear), linear.outFeatures(), linear.inFeatures()));
            float[] bias = parameters.bias(linear);
            if (bias != null) {
                biases.put(linear.biasName(), TorchTensor.of(bias, bias.length));
            }
        }
        for (Norm norm : BlockParameters.norms(parameters.block())) {
            norms.put(norm.name(), TorchTensor.of(parameters.norm(norm), norm.size()));
        }
    }

    private BlockWeights(BlockWeights other) {
        stored = other.stored;
        weights.putAll(other.weights);
        biases.putAll(other.biases);
        norms.putAll(other.norms);
    }

    /// The same tensors, to be replaced independently.
    BlockWeights copy() {
        return new BlockWeights(this);
    }

    void replace(Linear linear, PackedWeight weight) {
        weights.put(linear.weightName(), TorchTensor.of(weight));
    }

    @Override
    public TorchTensor weight(Linear linear) {
        TorchTensor weight = weights.get(linear.weightName());
        if (weight == null) {
            throw new IllegalArgumentException(linear.name() + " is not of this block");
        }
        return weight;
    }

    @Override
    public @Nullable TorchTensor bias(Linear linear) {
        return biases.get(linear.biasName());
    }

    @Override
    public TorchTensor norm(Norm norm) {
        TorchTensor changed = norms.get(norm.name());
        return changed == null ? stored.norm(norm) : changed;
    }

    @Override
    public TorchTensor embed(Embedding table, int[] tokens) {
        return stored.embed(table, tokens);
    }
}
