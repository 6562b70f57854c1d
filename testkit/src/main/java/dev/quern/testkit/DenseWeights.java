package dev.quern.testkit;

import dev.quern.core.DenseWeight;
import dev.quern.core.PackedWeight;
import dev.quern.core.TensorSource;
import dev.quern.models.WeightSource;

/// Parameters straight from unquantized tensors under Hugging Face names.
public record DenseWeights(TensorSource tensors) implements WeightSource {
    @Override
    public boolean has(String name) {
        return tensors.names().contains(name);
    }

    @Override
    public PackedWeight weight(String name) {
        return new DenseWeight(tensors.tensor(name));
    }

    @Override
    public float[] vector(String name) {
        return tensors.tensor(name).toFloats();
    }
}
