package dev.quern.kernels;

import dev.quern.core.Codebook;
import dev.quern.core.PackedWeight;
import dev.quern.core.VectorWeight;

/// Small codebooks as tables of bytes in the processor's registers: up to 512 centroids, in a second stage up to 256.
/// Other books, outlier columns and groups are `VectorKernel`'s.
///
/// Numbers of the books are rounded to 16 bits over their range, 2⁻¹⁷ of it at most, as inputs are
/// (`InputPrecision`). Prompts read the books as they are. Permutation and norm: as in `VectorKernel`. The weight
/// itself is not kept.
final class LookupKernel implements LinearKernel {
    @Override
    public String name() {
        return "lookup";
    }

    @Override
    public boolean roundsInputs() {
        return true;
    }

    @Override
    public boolean runsHere() {
        return MachineCode.looksUp();
    }

    @Override
    public boolean supports(PackedWeight weight) {
        return runsHere()
                && weight instanceof VectorWeight vectors
                && vectors.outlier() == null
                && vectors.main().groups() == 1
                && LookupShape.of(vectors, InputPrecision.INT16.bytes).fits()
                && isFinite(vectors.main())
                && (vectors.residual() == null || isFinite(vectors.residual()));
    }

    @Override
    public PreparedLinear prepare(PackedWeight weight) {
        return prepare(weight, InputPrecision.DEFAULT);
    }

    @Override
    public PreparedLinear prepare(PackedWeight weight, InputPrecision inputs) {
        if (!supports(weight) || !(weight instanceof VectorWeight vectors)) {
            throw new IllegalArgumentException("the lookup kernel does not take " + weight.encoding() + " here");
        }
        InputPrecision codes = inputs == InputPrecision.FLOAT ? InputPrecision.INT16 : inputs;
        LookupProgram program = LookupProgram.of(LookupShape.of(vectors, codes.bytes));
        LookupPanels panels = LookupPanels.of(vectors, program.shape());
        return NormedLinear.of(vectors, new LookupLinear(name(), panels, program));
    }

    private static boolean isFinite(Codebook book) {
        for (float value : book.toFloats()) {
            if (!Float.isFinite(value)) {
                return false;
            }
        }
        return true;
    }
}
