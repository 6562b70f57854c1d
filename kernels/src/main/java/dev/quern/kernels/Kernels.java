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
            new LookupKernel(),
            new VectorKernel(),
            new ScalarLinear());

    private Kernels() {}

    /// Those that this process chooses among: all that run here, or the scalar one where the width is scalar.
    public static List<LinearKernel> usable() {
        return usable(InputPrecision.DEFAULT);
    }

    private static List<LinearKernel> usable(InputPrecision inputs) {
        return VectorWidth.SCALAR
                ? List.of(ALL.getLast())
                : ALL.stream()
                        .filter(kernel ->
                                kernel.runsHere() && (inputs != InputPrecision.FLOAT || !kernel.roundsInputs()))
                        .toList();
    }

    /// The instructions that machine code of ours uses here, or why there is none, for `doctor`.
    public static String machineCode() {
        return IntegerKernel.describe();
    }

    /// Prepares `weight` with the first usable kernel that takes it.
    public static PreparedLinear prepare(PackedWeight weight) {
        return prepare(weight, InputPrecision.DEFAULT);
    }

    /// The same with activations as `inputs` says. Inputs that were made into few codes already are not to be rounded
    /// again: ask for `FLOAT`.
    public static PreparedLinear prepare(PackedWeight weight, InputPrecision inputs) {
        for (LinearKernel kernel : usable(inputs)) {
            if (kernel.supports(weight)) {
                return kernel.prepare(weight, inputs);
            }
        }
        throw new IllegalStateException("no kernel takes " + weight.encoding());
    }
}
