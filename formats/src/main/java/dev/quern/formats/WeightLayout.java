package dev.quern.formats;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.KvScheme;
import dev.quern.core.PackedWeight;
import dev.quern.core.TensorSource;
import java.util.List;
import java.util.Optional;

/// A way to store quantized modules in safetensors, with the settings that `quantization_config` states. Each has one
/// line in `WeightLayouts.ALL`.
public interface WeightLayout {
    /// The object under `quantization_config`.
    ObjectNode toJson();

    /// True where `module` is stored in this layout.
    boolean holds(TensorSource source, String module);

    /// One module's weight; throws a `QuernException` naming the module where its tensors contradict each other.
    PackedWeight read(TensorSource source, String module);

    /// The tensors that store `weight` under `module`; throws where the layout cannot hold it.
    List<TensorPlan> plans(String module, PackedWeight weight);

    /// What the module's inputs become.
    default StoredInput input(TensorSource source, String module) {
        return StoredInput.FLOAT;
    }

    /// The tensors that say what happens to the module's inputs; empty where this layout cannot say it.
    default Optional<List<TensorPlan>> inputPlans(String module, StoredInput input) {
        return input.scheme().quantizes() ? Optional.empty() : Optional.of(List.of());
    }

    /// How the KV cache is to be held.
    default KvScheme kv() {
        return KvScheme.FLOAT;
    }

    /// These settings with what only the values of `source` can tell.
    default WeightLayout resolve(TensorSource source) {
        return this;
    }
}
