package dev.quern.kernels;

import dev.quern.core.PackedWeight;
import java.util.List;

/// The registry of linear kernels and the choice among them.
public final class Kernels {
    /// In order of preference; the last takes every weight.
    public static final List<LinearKernel> ALL = List.of(
            new IntegerKernel(),
            new DenseKernel(),
            new GroupedKernel(),
            new BlockKernel(),
            new Int8Kernel(),
            new TableKernel(),
            new VectorKernel(),
            new ScalarLinear());

    private Kernels() {}

    /// Those that this process chooses among: all, or the scalar one where the width is scalar.
    public static List<LinearKernel> usable() {
        return VectorWidth.SCALAR
                ? List.of(ALL.getLast())
                : ALL.stream()
                        .filter(kernel -> !(kernel instanceof IntegerKernel) || IntegerKernel.runs())
                        .toList();
    }

    /// The instructions that machine code of ours uses here, or why there is none, for `doctor`.
    public static String machineCode() {
        return IntegerKernel.describe();
    }

    /// Prepares `weight` with the first usable kernel that takes it.
    public static PreparedLinear prepare(PackedWeight weight) {
        return prepare(weight, true);
    }

    /// The same; unless `rounding`, with a kernel that takes inputs as they are: inputs that were made into few codes
    /// already are not to be rounded again.
    public static PreparedLinear prepare(PackedWeight weight, boolean rounding) {
        for (LinearKernel kernel : usable()) {
            if (kernel.supports(weight) && (rounding || !kernel.roundsInputs())) {
                return kernel.prepare(weight);
            }
        }
        throw new IllegalStateException("no kernel takes " + weight.encoding());
    }
}
