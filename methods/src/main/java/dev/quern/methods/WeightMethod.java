package dev.quern.methods;

import dev.quern.models.Linear;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/// Chooses the stored form of one Linear's weights, given what is known of the Linear's inputs.
///
/// A pure function of the task, the settings and the seed: same arguments, same bytes, whatever the number of
/// threads.
public non-sealed interface WeightMethod<C extends Record> extends Method<C> {
    /// The grid that the result lies on.
    WeightFormat format(C config);

    /// True where `quantize` needs the statistics of the inputs, so that calibration text must be run.
    boolean calibrated(C config);

    /// True where `quantize` needs the second moments of the inputs.
    default boolean wantsMoments(C config) {
        return calibrated(config);
    }

    /// True where `quantize` needs the ranges of the inputs.
    default boolean wantsRanges(C config) {
        return false;
    }

    /// True where `quantize` also wants to know how the inputs drifted from the float model's, so that the float
    /// model
    /// is run beside the quantized one.
    default boolean wantsDrift(C config) {
        return false;
    }

    /// How what was chosen of a block is trained afterwards against the float block's output; empty = not at all.
    default Optional<Tuning> tuning(C config) {
        return Optional.empty();
    }

    /// The settings with what depends on the model worked out; told of the Linears that will be quantized, and, where
    /// it asks, what errors in each cost the model (`ErrorCosts`; none where there is no text to measure it on).
    default C planned(C config, List<Linear> linears, Supplier<Map<Linear, Double>> costs) {
        return config;
    }

    /// Chooses codes and scales. Throws `NumericException` only for weights that are not finite; everything else
    /// ends
    /// in a result, with a named fallback where it had to be simpler.
    QuantizedLinear quantize(LinearTask task, C config);
}
