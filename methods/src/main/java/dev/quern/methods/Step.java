package dev.quern.methods;

import java.util.Map;

/// One method of a recipe with its settings.
public record Step<C extends Record>(Method<C> method, C config) {
    /// `values` by key; throws `UsageException` for an unknown key or a wrong value.
    public static <C extends Record> Step<C> of(Method<C> method, Map<String, ?> values) {
        return new Step<>(method, ConfigKeys.read(method.name(), method.configType(), values));
    }

    /// The method, which chooses weights; only the last step of a recipe does.
    WeightMethod<C> weightMethod() {
        return switch (method) {
            case WeightMethod<C> chooses -> chooses;
            case BlockMethod<C> transforms ->
                throw new IllegalStateException(transforms.name() + " transforms, it chooses no weights");
        };
    }
}
