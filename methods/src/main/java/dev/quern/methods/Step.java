package dev.quern.methods;

import dev.quern.core.ActivationScheme;
import dev.quern.models.Linear;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/// One method of a recipe with its settings.
public record Step<C extends Record>(Method<C> method, C config) {
    /// `values` by key; throws `UsageException` for an unknown key or a wrong value.
    public static <C extends Record> Step<C> of(Method<C> method, Map<String, ?> values) {
        return new Step<>(method, ConfigKeys.read(method.name(), method.configType(), values));
    }

    /// True for a method that transforms a block and chooses no weights.
    boolean transforms() {
        return switch (method) {
            case BlockMethod<C> _ -> true;
            case WeightMethod<C> _ -> false;
        };
    }

    /// True where calibration text must be run.
    boolean calibrated() {
        return switch (method) {
            case BlockMethod<C> transforms -> transforms.calibrated(config);
            case WeightMethod<C> chooses -> chooses.calibrated(config);
        };
    }

    /// With what depends on the model worked out.
    Step<C> planned(List<Linear> linears, Supplier<Map<Linear, Double>> costs) {
        return switch (method) {
            case BlockMethod<C> _ -> this;
            case WeightMethod<C> chooses -> new Step<>(method, chooses.planned(config, linears, costs));
        };
    }

    /// What the method wants activations held in where the recipe does not say.
    ActivationScheme activations() {
        return method.activations(config);
    }

    /// The method, which chooses weights; only the last step of a recipe does.
    WeightMethod<C> weightMethod() {
        return switch (method) {
            case WeightMethod<C> chooses -> chooses;
            case BlockMethod<C> transforms ->
                throw new IllegalStateException(transforms.name() + " transforms, it chooses no weights");
        };
    }

    /// The method, which transforms blocks; all steps of a recipe but the last do.
    BlockMethod<C> blockMethod() {
        return switch (method) {
            case BlockMethod<C> transforms -> transforms;
            case WeightMethod<C> chooses -> throw new IllegalStateException(chooses.name() + " chooses weights");
        };
    }
}
