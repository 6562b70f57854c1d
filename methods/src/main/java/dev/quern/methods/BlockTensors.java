package dev.quern.methods;

import dev.quern.models.Linear;
import dev.quern.models.Norm;
import dev.quern.torch.TorchTensor;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A block's parameters as tensors while transforms change them: float in training, float64 for the final merge, one
/// code for both. Tensors belong to the scopes they were made in; nothing changes them in place.
final class BlockTensors {
    private final Map<Linear, TorchTensor> weights = new LinkedHashMap<>();
    private final Map<Linear, TorchTensor> biases = new LinkedHashMap<>();
    private final Map<Norm, TorchTensor> norms = new LinkedHashMap<>();
    private final Map<Linear, TorchTensor> inputs = new LinkedHashMap<>();

    private BlockTensors() {}

    /// Copies in the open scope.
    static BlockTensors of(BlockParameters parameters, boolean wide) {
        BlockTensors tensors = new BlockTensors();
        for (Linear linear : parameters.block().linears()) {
            tensors.weights.put(
                    linear, tensor(parameters.weight(linear), wide, linear.outFeatures(), linear.inFeatures()));
            float[] bias = parameters.bias(linear);
            if (bias != null) {
                tensors.biases.put(linear, tensor(bias, wide, bias.length));
            }
        }
        for (Norm norm : BlockParameters.norms(parameters.block())) {
            tensors.norms.put(norm, tensor(parameters.norm(norm), wide, norm.size()));
        }
        return tensors;
    }

    private static TorchTensor tensor(float[] values, boolean wide, long... shape) {
        TorchTensor tensor = TorchTensor.of(values, shape);
        return wide ? tensor.toDouble() : tensor;
    }

    /// The same tensors, to be replaced independently.
    BlockTensors copy() {
        BlockTensors copy = new BlockTensors();
        copy.weights.putAll(weights);
        copy.biases.putAll(biases);
        copy.norms.putAll(norms);
        copy.inputs.putAll(inputs);
        return copy;
    }

    Map<Linear, TorchTensor> weights() {
        return weights;
    }

    Map<Linear, TorchTensor> biases() {
        return biases;
    }

    Map<Norm, TorchTensor> norms() {
        return norms;
    }

    /// Matrices `A⁻¹ [n, n]` that a Linear's input rows are multiplied by at run time; Linears that share an input
    /// share
    /// the tensor.
    Map<Linear, TorchTensor> inputs() {
        return inputs;
    }

    /// All of them under their parameters' names; what a Linear's input is multiplied by under `inputKey`.
    Map<String, TorchTensor> named() {
        Map<String, TorchTensor> named = new LinkedHashMap<>();
        weights.forEach((linear, tensor) -> named.put(linear.weightName(), tensor));
        biases.forEach((linear, tensor) -> named.put(linear.biasName(), tensor));
        norms.forEach((norm, tensor) -> named.put(norm.name(), tensor));
        inputs.forEach((linear, tensor) -> {
            if (!named.containsValue(tensor)) {
                named.put(inputKey(linear), tensor);
            }
        });
        return named;
    }

    /// Of the first of the Linears that share an input.
    static String inputKey(Linear linear) {
        return linear.name() + ".input";
    }

    TorchTensor weight(Linear linear) {
        return present(weights.get(linear), linear.name());
    }

    TorchTensor norm(Norm norm) {
        return present(norms.get(norm), norm.name());
    }

    private static TorchTensor present(@Nullable TorchTensor tensor, String name) {
        if (tensor == null) {
            throw new IllegalArgumentException(name + " is not of this block");
        }
        return tensor;
    }

    /// `W ← W · diag(scale)`; `scale [in]`.
    void scaleColumns(Linear linear, TorchTensor scale) {
        TorchTensor weight = weight(linear);
        weights.put(linear, weight.mul(scale.like(weight)));
    }

    /// `W ← diag(scale) · W`, the bias along; `scale [out]`.
    void scaleRows(Linear linear, TorchTensor scale) {
        TorchTensor weight = weight(linear);
        weights.put(linear, weight.mul(scale.like(weight).reshape(scale.count(), 1)));
        biases.computeIfPresent(linear, (_, bias) -> bias.mul(scale.like(bias)));
    }

    /// `w + offset ← (w + offset) · scale`.
    void scaleNorm(Norm norm, TorchTensor scale) {
        TorchTensor weight = norm(norm);
        TorchTensor effective = weight.add(norm.offset()).mul(scale.like(weight));
        norms.put(norm, norm.offset() == 0 ? effective : effective.add(-norm.offset()));
    }
}
