package dev.quern.testkit;

import dev.quern.core.KvScheme;
import dev.quern.core.PackedWeight;
import dev.quern.models.Linear;
import dev.quern.models.LinearInput;
import dev.quern.models.WeightSource;
import java.util.Map;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/// A source with other weights, inputs and KV cache than its files hold: what a quantized model is to the executors.
public record QuantizedSource(
        WeightSource base,
        Function<Linear, LinearInput> inputs,
        Map<String, UnaryOperator<PackedWeight>> weights,
        KvScheme kv)
        implements WeightSource {
    @Override
    public boolean has(String name) {
        return base.has(name);
    }

    @Override
    public PackedWeight weight(String name) {
        return weights.getOrDefault(name, UnaryOperator.identity()).apply(base.weight(name));
    }

    @Override
    public float[] vector(String name) {
        return base.vector(name);
    }

    @Override
    public LinearInput input(Linear linear) {
        return inputs.apply(linear);
    }
}
