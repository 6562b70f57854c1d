package dev.quern.formats;

import dev.quern.core.ActivationScheme;
import dev.quern.core.QuantParams;
import org.jspecify.annotations.Nullable;

/// What a layout says of a module's inputs: their scheme, the range of a static one, and the columns that stay floats.
/// The array belongs to the record.
public record StoredInput(ActivationScheme scheme, @Nullable QuantParams range, int[] exact) {
    /// Inputs as they are.
    public static final StoredInput FLOAT = new StoredInput(ActivationScheme.FLOAT, null, new int[0]);
}
