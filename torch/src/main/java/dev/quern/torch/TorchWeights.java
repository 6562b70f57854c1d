package dev.quern.torch;

import dev.quern.core.KvScheme;
import dev.quern.core.PackedWeight;
import dev.quern.models.Embedding;
import dev.quern.models.Linear;
import dev.quern.models.LinearInput;
import dev.quern.models.Network;
import dev.quern.models.Norm;
import dev.quern.models.WeightSource;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// The tensors behind a network's names, in float.
///
/// `TorchOps` asks at each use, so an implementation may load then, hand out tensors that require gradients, or put
/// quantized weights in the place of some.
public interface TorchWeights {
    /// `W [outFeatures, inFeatures]`.
    TorchTensor weight(Linear linear);

    /// The bias `[outFeatures]`; null where the Linear has none.
    @Nullable
    TorchTensor bias(Linear linear);

    /// The norm's stored weight `[size]`, without its offset.
    TorchTensor norm(Norm norm);

    /// The table's rows at these tokens, unscaled: `[tokens, hiddenSize]`.
    TorchTensor embed(Embedding table, int[] tokens);

    /// What the Linears, which all read `x`, read in its place: transforms and simulated quantization, one tensor for
    /// each Linear, the same one where they share the work. Differentiable, rounding straight through.
    default List<TorchTensor> inputs(List<Linear> linears, TorchTensor x) {
        return Collections.nCopies(linears.size(), x);
    }

    /// How attention is to see keys and values.
    default KvScheme kv() {
        return KvScheme.FLOAT;
    }

    /// These weights with other inputs of the Linears.
    default TorchWeights withInputs(Function<Linear, LinearInput> inputs, KvScheme kv) {
        TorchWeights base = this;
        return new TorchWeights() {
            @Override
            public TorchTensor weight(Linear linear) {
                return base.weight(linear);
            }

            @Override
            public @Nullable TorchTensor bias(Linear linear) {
                return base.bias(linear);
            }

            @Override
            public TorchTensor norm(Norm norm) {
                return base.norm(norm);
            }

            @Override
            public TorchTensor embed(Embedding table, int[] tokens) {
                return base.embed(table, tokens);
            }

            @Override
            public List<TorchTensor> inputs(List<Linear> linears, TorchTensor x) {
                return TorchInputs.apply(linears, inputs, x);
            }

            @Override
            public KvScheme kv() {
                return kv;
            }
        };
    }

    /// These weights with those of the Linears replaced.
    default TorchWeights withLinears(Function<Linear, TorchTensor> weights) {
        TorchWeights base = this;
        return new TorchWeights() {
            @Override
            public TorchTensor weight(Linear linear) {
                return weights.apply(linear);
            }

            @Override
            public @Nullable TorchTensor bias(Linear linear) {
                return base.bias(linear);
            }

            @Override
            public TorchTensor norm(Norm norm) {
                return base.norm(norm);
            }

            @Override
            public TorchTensor embed(Embedding table, int[] tokens) {
                return base.embed(table, tokens);
            }

            @Override
            public List<TorchTensor> inputs(List<Linear> linears, TorchTensor x) {
                return base.inputs(linears, x);
            }

            @Override
            public KvScheme kv() {
                return base.kv();
            }
        };
    }

    /// Loads each tensor when it is asked for, into the scope that is open then: little memory, and unpacking at each
    /// use. Of the embedding only the rows in question are read.
    static TorchWeights streaming(WeightSource source) {
        return new TorchWeights() {
            @Override
            public TorchTensor weight(Linear linear) {
                // adapters are merged: the same product in float32, and gradients need no second path
                PackedWeight stored = source.weight(linear.weightName());
                return TorchTensor.of(source.correction(linear)
                        .<PackedWeight>map(correction -> correction.mergedInto(stored))
                        .orElse(stored));
            }

            @Override
            public @Nullable TorchTensor bias(Linear linear) {
                return linear.bias() ? vector(linear.biasName()) : null;
            }

            @Override
            public TorchTensor norm(Norm norm) {
                return vector(norm.name());
            }

            @Override
            public TorchTensor embed(Embedding table, int[] tokens) {
                PackedWeight rows = source.weight(table.name());
                float[] values = new float[Math.multiplyExact(tokens.length, rows.cols())];
                for (int i = 0; i < tokens.length; i++) {
                    rows.unpackRow(tokens[i], values, i * rows.cols());
                }
                return TorchTensor.of(values, tokens.length, rows.cols());
            }

            @Override
            public List<TorchTensor> inputs(List<Linear> linears, TorchTensor x) {
                return TorchInputs.apply(linears, source::input, x);
            }

            @Override
            public KvScheme kv() {
                return source.kv();
            }

            private TorchTensor vector(String name) {
                float[] values = source.vector(name);
                return TorchTensor.of(values, values.length);
            }
        };
    }

    /// Loads everything now, into the open scope, and answers from there.
    static TorchWeights loaded(Network network, WeightSource source) {
        return named(tensors(network, source)).withInputs(source::input, source.kv());
    }

    /// Answers from tensors by parameter name (`model.norm.weight`), for instance those in training.
    static TorchWeights named(Map<String, TorchTensor> tensors) {
        return new TorchWeights() {
            @Override
            public TorchTensor weight(Linear linear) {
                return tensor(linear.weightName());
            }

            @Override
            public @Nullable TorchTensor bias(Linear linear) {
                return linear.bias() ? tensor(linear.biasName()) : null;
            }

            @Override
            public TorchTensor norm(Norm norm) {
                return tensor(norm.name());
            }

            @Override
            public TorchTensor embed(Embedding table, int[] tokens) {
                return tensor(table.name()).rows(tokens);
            }

            private TorchTensor tensor(String name) {
                TorchTensor tensor = tensors.get(name);
                if (tensor == null) {
                    throw new IllegalArgumentException("no tensor named " + name);
                }
                return tensor;
            }
        };
    }

    /// All parameters of a network by name, made in the open scope; a tied head is the embedding itself.
    static Map<String, TorchTensor> tensors(Network network, WeightSource source) {
        return tensors(network, source, Set.of());
    }

    /// The same without the weights of the Linears `left`.
    static Map<String, TorchTensor> tensors(Network network, WeightSource source, Set<Linear> left) {
        Map<String, TorchTensor> tensors = new HashMap<>();
        TorchWeights stored = streaming(source);
        Embedding table = network.embedding();
        tensors.put(table.name(), TorchTensor.of(source.weight(table.name())));
        for (Linear linear : network.linears()) {
            if (!left.contains(linear)) {
                tensors.put(linear.weightName(), stored.weight(linear));
            }
            if (linear.bias()) {
                float[] bias = source.vector(linear.biasName());
                tensors.put(linear.biasName(), TorchTensor.of(bias, bias.length));
            }
        }
        tensors.computeIfAbsent(network.head().weightName(), _ -> stored.weight(network.head()));
        for (Norm norm : network.norms()) {
            tensors.put(norm.name(), stored.norm(norm));
        }
        return tensors;
    }
}
