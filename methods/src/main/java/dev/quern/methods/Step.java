package dev.quern.methods;

import java.util.Map;

/// One method of a recipe with its settings.
public record Step<C extends Record>(Method<C> method, C config) {
    /// `values` by key; throws `UsageException` for an unknown key or a wrong value.
    public static <C extends Record> Step<C> of(Method<C> method, Map<String, ?> values) {
        return new Step<>(method, ConfigKeys.read(method.name(), method.configType(), values));
    }
}
