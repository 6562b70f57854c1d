package dev.quern.models;

import dev.quern.core.KvScheme;
import dev.quern.core.PackedWeight;
import java.util.Optional;

/// Parameters by their names in the Hugging Face scheme, whatever the file calls them.
public interface WeightSource {
    /// True where the parameter exists (`model.layers.0.self_attn.q_proj.weight`; a packed one counts under that name).
    boolean has(String name);

    /// A matrix as it is stored; a view where the file allows it.
    PackedWeight weight(String name);

    /// What happens to the Linear's input before the product; Linears that share one object share the work.
    default LinearInput input(Linear linear) {
        return LinearInput.AS_IS;
    }

    /// What is added to the Linear's product; empty where nothing is.
    default Optional<LowRank> correction(Linear linear) {
        return Optional.empty();
    }

    /// How the KV cache is to be held.
    default KvScheme kv() {
        return KvScheme.FLOAT;
    }

    /// The same with another KV cache.
    default WeightSource withKv(KvScheme kv) {
        return new CacheOverride(this, kv);
    }

    /// A norm's weight or a bias, widened to float.
    float[] vector(String name);
}
