package dev.quern.kernels;

import dev.quern.core.PackedWeight;
import java.util.List;

/// The registry of linear kernels and the choice among them.
public final class Kernels {
    /// In order of preference; the last takes every weight.
    public static final List<LinearKernel> ALL =
            List.of(new DenseKernel(), new GroupedKernel(), new BlockKernel(), new ScalarLinear());

    private Kernels() {}

    /// Prepares `weight` with the first kernel that takes it; with `-Dquern.vector=scalar`, with the scalar one.
    public static PreparedLinear prepare(PackedWeight weight) {
        if (VectorWidth.SCALAR) {
            return ALL.getLast().prepare(weight);
        }
        for (LinearKernel kernel : ALL) {
            if (kernel.supports(weight)) {
                return kernel.prepare(weight);
            }
        }
        throw new IllegalStateException("no kernel takes " + weight.encoding());
    }
}
