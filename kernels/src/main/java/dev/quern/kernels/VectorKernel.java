package dev.quern.kernels;

import dev.quern.core.PackedWeight;
import dev.quern.core.VectorWeight;

/// Vector codebooks in the layout of the vptq package: main and residual books, outlier columns, permutation and norm.
///
/// Permutation, scale and shift are folded into the activation once a token: `x̃ = (s ∘ x)[π]`, and `Σ b·x` is added to
/// every output. One token runs as machine code where there is some. Memory: 8 bits (up to 256 centroids) or 16 bits
/// an index, the books as float32, and for machine code once more, in float16 where they are large. The weight itself
/// is not kept.
final class VectorKernel implements LinearKernel {
    @Override
    public String name() {
        return "vectors";
    }

    @Override
    public boolean supports(PackedWeight weight) {
        return weight instanceof VectorWeight;
    }

    @Override
    public PreparedLinear prepare(PackedWeight weight) {
        if (!(weight instanceof VectorWeight vectors)) {
            throw new IllegalArgumentException("the vector kernel takes codebooks, not " + weight.encoding());
        }
        return NormedLinear.of(vectors, new PanelLinear(name(), VectorPanels.of(vectors)));
    }
}
