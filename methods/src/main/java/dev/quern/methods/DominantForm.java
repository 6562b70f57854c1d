package dev.quern.methods;

import dev.quern.torch.TorchTensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Strictly diagonally dominant by construction: `A_ii = exp t_i`, `A_ij = ρ · exp t_i · u_ij / max(1, Σ_j |u_ij|)`
/// with
/// `share = ρ < 1`, so that `‖A⁻¹‖_∞ ≤ 1 / ((1 − ρ) · min A_ii)` whatever the free numbers are.
record DominantForm(double share) implements InvertibleForm {
    DominantForm {
        if (!(share > 0 && share < 1)) {
            throw new IllegalArgumentException("the off-diagonals' share is between 0 and 1, not " + share);
        }
    }

    @Override
    public String name() {
        return "dominant";
    }

    @Override
    public List<Learned> begin(String site, int count, int size, double[] scales) {
        int square = Math.multiplyExact(count, size * size);
        return List.of(
                new Learned(site + ".scale", Learned.Part.SCALE, InvertibleForm.logs(scales), count, size),
                new Learned(site + ".others", Learned.Part.MATRIX, new double[square], count, size, size));
    }

    @Override
    public MatrixPair build(List<TorchTensor> values, @Nullable TorchTensor mask) {
        TorchTensor scale = values.getFirst();
        int n = scale.size(1);
        TorchTensor others = InvertibleForm.offDiagonal(InvertibleForm.masked(values.get(1), mask));
        TorchTensor sums = others.abs().sum(2).clamp(1, Double.MAX_VALUE);
        TorchTensor unit =
                others.div(sums).mul(share).add(TorchTensor.identity(n).toDouble());
        TorchTensor column = scale.reshape(scale.size(0), n, 1);
        return new MatrixPair(
                unit.mul(column.exp()), unit.inverse().mul(column.neg().exp().reshape(scale.size(0), 1, n)));
    }
}
