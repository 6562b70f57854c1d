package dev.quern.methods;

import dev.quern.core.ActivationScheme;
import dev.quern.core.QuantParams;
import dev.quern.models.LinearInput;
import java.util.function.Predicate;

/// What a recipe holds the inputs of Linears in: one scheme for all, or, `mixed`, the static `scheme` where one range
/// serves an input as well as a range for each token, and that where it does not (`RangeLoss`).
public record ActivationPlan(ActivationScheme scheme, boolean mixed) {
    public ActivationPlan {
        if (mixed && (!scheme.quantizes() || scheme.dynamic())) {
            throw new IllegalArgumentException("mixed ranges are static ones, and dynamic ones where those do not do");
        }
    }

    /// The same scheme for every input.
    public static ActivationPlan of(ActivationScheme scheme) {
        return new ActivationPlan(scheme, false);
    }

    /// False where inputs stay floats.
    boolean quantizes() {
        return scheme.quantizes();
    }

    /// True where ranges are stored, so that calibration text is needed.
    boolean stored() {
        return scheme.quantizes() && !scheme.dynamic();
    }

    /// A range for each token at the same width.
    ActivationScheme perToken() {
        return scheme.dynamic() ? scheme : ActivationScheme.dynamic(scheme.bits(), scheme.symmetric());
    }

    /// How inputs of these `ranges` are held: with one stored range, or, where ranges are mixed and that does not
    /// serve, with one for each token. Only where ranges are stored; `serves` is asked only where they are mixed.
    LinearInput held(InputRanges ranges, Predicate<QuantParams> serves) {
        QuantParams range = ranges.fixed(scheme);
        return mixed && !serves.test(range) ? LinearInput.dynamic(perToken()) : LinearInput.fixed(scheme, range);
    }

    /// `dynamic`, `static` or `mixed`.
    String range() {
        return mixed ? "mixed" : scheme.dynamic() ? "dynamic" : "static";
    }

    /// For instance `a8 mixed symmetric`.
    @Override
    public String toString() {
        return mixed ? scheme.toString().replace("static", "mixed") : scheme.toString();
    }
}
