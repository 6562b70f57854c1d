package dev.quern.models;

import dev.quern.core.KvScheme;
import dev.quern.core.PackedWeight;
import java.util.Optional;

/// A source whose KV cache is held otherwise than its files say.
record CacheOverride(WeightSource base, KvScheme kv) implements WeightSource {
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
        return base.correction(linear);
    }

    @Override
    public float[] vector(String name) {
        return base.vector(name);
    }
}
