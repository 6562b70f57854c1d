package dev.quern.methods;

import dev.quern.models.InputTransform;
import dev.quern.torch.TorchTensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A way to write matrices `[count, n, n]` and their inverses as functions of free numbers, differentiable in float64.
sealed interface InvertibleForm
        permits SvdForm, LuForm, DominantForm, DiagonalForm, DirectForm, KroneckerForm, HadamardForm {
    /// The name in reports.
    String name();

    /// The free numbers of `count` matrices that start as diagonal ones with the positive `scales [count, size]`.
    List<Learned> begin(String site, int count, int size, double[] scales);

    /// The matrices for these values of the free numbers (same order as `begin`), off-diagonals multiplied by `mask
    /// [n, n]` where there is one.
    MatrixPair build(List<TorchTensor> values, @Nullable TorchTensor mask);

    /// The matrices that are built, for checks: factors where `build` multiplies some, none where nothing can go wrong.
    default List<MatrixPair> factors(List<TorchTensor> values, @Nullable TorchTensor mask) {
        return List.of(build(values, mask));
    }

    /// `x · A⁻¹` as an operation at run time, for one matrix.
    default InputTransform inverseTransform(List<TorchTensor> values, @Nullable TorchTensor mask) {
        TorchTensor inverse = build(values, mask).inverse();
        return new InputTransform.Full(inverse.size(1), inverse.toFloats());
    }

    /// `values` under the mask; the diagonal of a mask is 1, and forms that have no free numbers there never read it.
    static TorchTensor masked(TorchTensor values, @Nullable TorchTensor mask) {
        return mask == null ? values : values.mul(mask);
    }

    /// `values` with their diagonals set to zero, for matrices `[count, n, n]`.
    static TorchTensor offDiagonal(TorchTensor values) {
        TorchTensor identity = TorchTensor.identity(values.size(1)).toDouble();
        return values.mul(identity.neg().add(1));
    }

    /// The logarithms of `scales`, which are kept within `1e-3 … 1e3`.
    static double[] logs(double[] scales) {
        double[] logs = new double[scales.length];
        for (int i = 0; i < logs.length; i++) {
            logs[i] = Math.log(Math.clamp(scales[i], 1e-3, 1e3));
        }
        return logs;
    }
}
