package dev.quern.methods;

import dev.quern.core.PackedWeight;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What a method made of one Linear.
///
/// `relativeError` is the loss of the layer's output relative to the output itself, `tr(ΔW·H·ΔWᵀ) / tr(W·H·Wᵀ)`;
/// without
/// statistics H is the identity. `fallback` names what the method fell back to, null where nothing happened. `notes`
/// are
/// odd but harmless findings (dropped tokens, dead inputs).
public record QuantizedLinear(
        PackedWeight weight, double relativeError, @Nullable String fallback, List<String> notes) {}
