package dev.quern.kernels;

import dev.quern.core.DenseWeight;
import dev.quern.core.PackedWeight;
import java.util.Optional;

/// Dense F32, BF16 and F16 weights, copied into panels once; 16-bit weights stay 16 bits wide.
///
/// Memory: as many bytes as the weight has, outside the heap where machine code reads them, rows rounded up to 64. The
/// weight itself is not kept: one that is a view of a mapped file costs no memory of its own afterwards.
final class DenseKernel implements LinearKernel {
    @Override
    public String name() {
        return "dense";
    }

    @Override
    public boolean supports(PackedWeight weight) {
        return weight instanceof DenseWeight;
    }

    @Override
    public PreparedLinear prepare(PackedWeight weight) {
        if (!(weight instanceof DenseWeight dense)) {
            throw new IllegalArgumentException("the dense kernel takes dense weights, not " + weight.encoding());
        }
        return new PanelLinear(name(), panels(dense));
    }

    private static Panels panels(DenseWeight dense) {
        DenseProgram.Kind kind = switch (dense.tensor().dtype()) {
            case BF16 -> DenseProgram.Kind.BF16;
            case F16 -> DenseProgram.Kind.F16;
            default -> DenseProgram.Kind.F32;
        };
        Optional<DenseProgram> program = DenseProgram.of(kind);
        if (program.isPresent() && dense.cols() % kind.inputs == 0) {
            return DensePanels.of(program.orElseThrow(), dense);
        }
        return switch (kind) {
            case BF16 -> Bf16Panels.of(dense);
            case F16 -> F16Panels.of(dense);
            case F32 -> FloatPanels.of(dense);
        };
    }
}
