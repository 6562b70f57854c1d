package dev.quern.methods;

import dev.quern.core.KvScheme;
import dev.quern.core.PackedWeight;
import dev.quern.models.Block;
import dev.quern.models.Embedding;
import dev.quern.models.Linear;
import dev.quern.models.LinearInput;
import dev.quern.models.Norm;
import dev.quern.models.WeightSource;
import dev.quern.torch.TorchInputs;
import dev.quern.torch.TorchTensor;
import dev.quern.torch.TorchWeights;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// One block's parameters as tensors of the scope that was open when it was made; Linears, what happens to their
/// inputs,
/// and the KV cache's form can be replaced one by one.
final class BlockWeights implements TorchWeights {
    private final TorchWeights stored;
    private final Map<String, TorchTensor> weights = new HashMap<>();
    private final Map<String, TorchTensor> biases = new HashMap<>();
    private final Map<String, TorchTensor> norms = new HashMap<>();
    private final Map<Linear, LinearInput> inputs = new HashMap<>();
    private KvScheme kv = KvScheme.FLOAT;

    /// What `source` holds of `block`, as floats, inputs as they are.
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
                setBias(linear, bias);
            }
            inputs.put(linear, parameters.input(linear));
        }
        for (Norm norm : BlockParameters.norms(parameters.block())) {
            setNorm(norm, parameters.norm(norm));
        }
    }

    private BlockWeights(BlockWeights other) {
        stored = other.stored;
        weights.putAll(other.weights);
        biases.putAll(other.biases);
        norms.putAll(other.norms);
        inputs.putAll(other.inputs);
        kv = other.kv;
    }

    /// The same tensors, to be replaced independently.
    BlockWeights copy() {
        return new BlockWeights(this);
    }

    void replace(Linear linear, PackedWeight weight) {
        weights.put(linear.weightName(), TorchTensor.of(weight));
    }

    /// The same with a tensor, for instance one in training.
    void replace(Linear linear, TorchTensor weight) {
        weights.put(linear.weightName(), weight);
    }

    /// The same with `values [out, in]`.
    void replace(Linear linear, float[] values) {
        weights.put(linear.weightName(), TorchTensor.of(values, linear.outFeatures(), linear.inFeatures()));
    }

    void setBias(Linear linear, float[] bias) {
        biases.put(linear.biasName(), TorchTensor.of(bias, bias.length));
    }

    void setNorm(Norm norm, float[] weight) {
        norms.put(norm.name(), TorchTensor.of(weight, weight.length));
    }

    void setInput(Linear linear, LinearInput input) {
        inputs.put(linear, input);
    }

    void setKv(KvScheme scheme) {
        kv = scheme;
    }

    /// What happens to the Linear's input.
    LinearInput input(Linear linear) {
        return inputs.getOrDefault(linear, LinearInput.AS_IS);
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

    @Override
    public List<TorchTensor> inputs(List<Linear> linears, TorchTensor x) {
        return TorchInputs.apply(linears, this::input, x);
    }

    @Override
    public KvScheme kv() {
        return kv;
    }
}
