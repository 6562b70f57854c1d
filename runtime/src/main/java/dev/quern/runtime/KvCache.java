package dev.quern.runtime;

import dev.quern.core.KvScheme;
import dev.quern.kernels.KvLayer;
import dev.quern.models.ModelConfig;
import java.util.List;
import java.util.stream.IntStream;

/// Keys and values of all layers of one sequence. For one thread.
public final class KvCache {
    private final List<KvLayer> layers;

    /// Keys and values in floats.
    public KvCache(ModelConfig config) {
        this(config, KvScheme.FLOAT);
    }

    public KvCache(ModelConfig config, KvScheme scheme) {
        this.layers = IntStream.range(0, config.nLayers())
                .mapToObj(_ -> new KvLayer(config.nKvHeads(), config.headDim(), scheme))
                .toList();
    }

    /// Keys and values of one layer.
    public KvLayer layer(int layer) {
        return layers.get(layer);
    }

    /// Positions that every layer holds: while a forward pass is under way, the positions before it.
    public int length() {
        return layers.isEmpty() ? 0 : layers.getLast().length();
    }

    /// Bytes of all layers.
    public long bytes() {
        return layers.stream().mapToLong(KvLayer::bytes).sum();
    }

    /// Forgets positions from `length` on, in every layer.
    public void truncate(int length) {
        for (KvLayer layer : layers) {
            if (layer.length() > length) {
                layer.truncate(length);
            }
        }
    }
}
