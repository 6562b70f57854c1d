package dev.quern.kernels;

import dev.quern.core.PackedWeight;

/// One way to multiply activations by a packed weight. Stateless; each has one line in `Kernels.ALL`.
public interface LinearKernel {
    /// The kernel's name as `doctor` and `bench` print it.
    String name();

    /// False if this machine or this process lacks what the kernel needs, so that it is not chosen.
    default boolean runsHere() {
        return true;
    }

    /// True if `prepare` takes this weight.
    boolean supports(PackedWeight weight);

    /// True if the linears it prepares round activations to integers.
    default boolean roundsInputs() {
        return false;
    }

    /// Lays the weight out for fast reading; may keep a view of its memory or copy it; each
    /// kernel says which, and what it takes. Throws
    /// `IllegalArgumentException` for a weight that `supports` refuses.
    PreparedLinear prepare(PackedWeight weight);

    /// The same with activations as `inputs` says, for kernels that round them; others ignore it.
    default PreparedLinear prepare(PackedWeight weight, InputPrecision inputs) {
        return prepare(weight);
    }
}
