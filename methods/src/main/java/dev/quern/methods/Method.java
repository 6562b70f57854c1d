package dev.quern.methods;

import dev.quern.core.ActivationScheme;
import java.util.List;

/// A way to quantize. `C` holds its settings; options and recipe keys derive from `C`'s components.
public sealed interface Method<C extends Record> permits WeightMethod, BlockMethod {
    /// The name in recipes and on the command line, for instance `gptq`.
    String name();

    /// One line on what it does, with its paper.
    String summary();

    /// The type of its settings.
    Class<C> configType();

    /// What it holds activations in where the recipe does not say.
    default ActivationScheme activations(C config) {
        return ActivationScheme.FLOAT;
    }

    /// The bits of a weight that a comparison of all methods tries it at.
    default List<Integer> widths() {
        return List.of(4, 3, 2);
    }

    /// Its keys for `--help`.
    default List<ConfigKey> keys() {
        return ConfigKeys.of(configType());
    }
}
