package dev.quern.models;

import dev.quern.core.ActivationScheme;
import dev.quern.core.QuantParams;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// What happens to a Linear's input before the product: transforms in order, then quantization.
///
/// `range` is the stored scale and zero point of a static scheme, null otherwise. The inputs `exact` (ascending column
/// numbers, after the transforms) stay floats and have no part in the range: LLM.int8()'s outliers. Linears that share
/// one object share the work. Arrays belong to the record; no value equality is claimed.
public record LinearInput(
        List<InputTransform> transforms,
        ActivationScheme scheme,
        @Nullable QuantParams range,
        int[] exact) {
    /// The input as it is.
    public static final LinearInput AS_IS = new LinearInput(List.of(), ActivationScheme.FLOAT, null, new int[0]);

    public LinearInput {
        transforms = List.copyOf(transforms);
        if (scheme.quantizes() && scheme.dynamic() == (range != null)) {
            throw new IllegalArgumentException(
                    scheme.dynamic() ? "a dynamic scheme stores no range" : "a static scheme needs its range");
        }
        if (range != null && range.zeroPoint() > scheme.qmax()) {
            throw new IllegalArgumentException("zero point " + range.zeroPoint() + " is above " + scheme.qmax());
        }
        for (InputTransform transform : transforms) {
            if (transform.size() != transforms.getFirst().size()) {
                throw new IllegalArgumentException("transforms of different sizes");
            }
        }
    }

    /// A range for each token, no transform.
    public static LinearInput dynamic(ActivationScheme scheme) {
        return new LinearInput(List.of(), scheme, null, new int[0]);
    }

    /// A stored range, no transform.
    public static LinearInput fixed(ActivationScheme scheme, QuantParams range) {
        return new LinearInput(List.of(), scheme, range, new int[0]);
    }

    /// The same behind other transforms.
    public LinearInput withTransforms(List<InputTransform> others) {
        return new LinearInput(others, scheme, range, exact);
    }

    /// The same with other columns kept as floats.
    public LinearInput withExact(int[] columns) {
        return new LinearInput(transforms, scheme, range, columns);
    }

    /// What happens, for instance `hadamard, a8 dynamic symmetric × int8`; `integers` where the product is one of
    /// integers, else a quantized input is simulated: made into codes and multiplied as the floats they stand for.
    public String describe(boolean integers) {
        List<String> parts = new ArrayList<>();
        transforms.forEach(t -> parts.add(t.getClass().getSimpleName().toLowerCase(Locale.ROOT)));
        if (scheme.quantizes()) {
            parts.add(scheme + (integers ? " × int8" : " (simulated)"));
        }
        return String.join(", ", parts);
    }

    /// True where nothing happens.
    public boolean isAsIs() {
        return transforms.isEmpty() && !scheme.quantizes();
    }
}
