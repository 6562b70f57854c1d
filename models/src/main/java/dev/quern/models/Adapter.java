package dev.quern.models;

import dev.quern.core.KvScheme;
import dev.quern.core.PackedWeight;
import dev.quern.core.QuernException;
import dev.quern.core.Shape;
import dev.quern.core.Tensor;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/// A LoRA adapter on a network: what its factors add to each Linear.
final class Adapter {
    private final LoraAdapter files;
    private final Map<Linear, LowRank> corrections = new HashMap<>();

    private Adapter(LoraAdapter files) {
        this.files = files;
    }

    /// Reads the adapter in `folder` for `network`; throws a `QuernException` for one of another kind or model.
    static Adapter read(Path folder, Network network) {
        Adapter adapter = new Adapter(LoraAdapter.read(folder));
        Set<String> left = new TreeSet<>(adapter.files.modules().keySet());
        Stream.concat(network.linears().stream(), Stream.of(network.head())).forEach(linear -> {
            if (left.remove(linear.name())) {
                adapter.corrections.put(linear, adapter.correction(folder, linear));
            }
        });
        if (!left.isEmpty()) {
            throw new QuernException(folder + ": " + left.iterator().next()
                    + " is no Linear of the model; the adapter was made for another model");
        }
        if (network.tied() && adapter.corrections.containsKey(network.head())) {
            throw LoraAdapter.unsupported(folder, "a correction of a head that shares the embedding's weights");
        }
        return adapter;
    }

    private LowRank correction(Path folder, Linear linear) {
        LoraAdapter.Factors factors = files.modules().get(linear.name());
        if (factors == null) {
            throw new IllegalArgumentException(linear.name() + " is not corrected");
        }
        int rank = files.rank(folder, linear.name());
        require(folder, linear, "lora_A", factors.a(), new Shape(rank, linear.inFeatures()));
        require(folder, linear, "lora_B", factors.b(), new Shape(linear.outFeatures(), rank));
        float[] b = factors.b().toFloats();
        double scale = files.scale(linear.name(), rank);
        for (int i = 0; i < b.length; i++) {
            b[i] = (float) (b[i] * scale);
        }
        return new LowRank(
                rank, linear.inFeatures(), linear.outFeatures(), factors.a().toFloats(), b);
    }

    private static void require(Path folder, Linear linear, String part, Tensor tensor, Shape shape) {
        if (!tensor.shape().equals(shape)) {
            throw new QuernException(folder.resolve(LoraAdapter.TENSORS) + ": " + part + " of " + linear.name() + " is "
                    + tensor.dtype() + " " + tensor.shape() + ", expected " + shape
                    + ": the adapter was made for another model");
        }
    }

    /// What the files hold.
    LoraAdapter files() {
        return files;
    }

    /// `base` with this adapter's corrections.
    WeightSource on(WeightSource base) {
        return new WeightSource() {
            @Override
            public boolean has(String name) {
                return base.has(name);
            }

            @Override
            public PackedWeight weight(String name) {
                return base.weight(name);
            }

            @Override
            public LinearInput input(Linear linear) {
                return base.input(linear);
            }

            @Override
            public Optional<LowRank> correction(Linear linear) {
                return Optional.ofNullable(corrections.get(linear));
            }

            @Override
            public KvScheme kv() {
                return base.kv();
            }

            @Override
            public float[] vector(String name) {
                return base.vector(name);
            }
        };
    }
}
