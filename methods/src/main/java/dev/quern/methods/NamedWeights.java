package dev.quern.methods;

import dev.quern.models.Embedding;
import dev.quern.models.Linear;
import dev.quern.models.Norm;
import dev.quern.torch.TorchTensor;
import dev.quern.torch.TorchWeights;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// One block's tensors by parameter name, a bias also where the network has none, and matrices on the inputs of Linears
/// (`BlockTensors.inputKey` of the first of those that share one). Norms that are not among them come from `base`.
record NamedWeights(Map<String, TorchTensor> tensors, TorchWeights base) implements TorchWeights {
    @Override
    public TorchTensor weight(Linear linear) {
        TorchTensor weight = tensors.get(linear.weightName());
        if (weight == null) {
            throw new IllegalArgumentException(linear.name() + " is not of this block");
        }
        return weight;
    }

    @Override
    public @Nullable TorchTensor bias(Linear linear) {
        return tensors.get(linear.biasName());
    }

    @Override
    public TorchTensor norm(Norm norm) {
        TorchTensor own = tensors.get(norm.name());
        return own == null ? base.norm(norm) : own;
    }

    @Override
    public TorchTensor embed(Embedding table, int[] tokens) {
        return base.embed(table, tokens);
    }

    @Override
    public List<TorchTensor> inputs(List<Linear> linears, TorchTensor x) {
        TorchTensor matrix = tensors.get(BlockTensors.inputKey(linears.getFirst()));
        return base.inputs(linears, matrix == null ? x : x.matmul(matrix));
    }
}
