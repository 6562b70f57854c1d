package dev.quern.methods;

import dev.quern.torch.TorchTensor;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// `A = L · diag(exp t) · R` with unit triangular L and R, whose elements stay below `bound`: two triangular solves
/// invert it.
record LuForm(double bound) implements InvertibleForm {
    @Override
    public String name() {
        return "lu";
    }

    @Override
    public List<Learned> begin(String site, int count, int size, double[] scales) {
        int square = Math.multiplyExact(count, size * size);
        return List.of(
                new Learned(site + ".scale", Learned.Part.SCALE, InvertibleForm.logs(scales), count, size),
                new Learned(site + ".triangles", Learned.Part.MATRIX, new double[square], count, size, size));
    }

    @Override
    public MatrixPair build(List<TorchTensor> values, @Nullable TorchTensor mask) {
        TorchTensor scale = values.getFirst();
        int n = scale.size(1);
        TorchTensor free = InvertibleForm.masked(values.get(1), mask);
        TorchTensor small = free.mul(1 / bound).tanh().mul(bound);
        TorchTensor identity = TorchTensor.identity(n).toDouble();
        TorchTensor lower = small.mul(below(n)).add(identity);
        TorchTensor upper = small.mul(below(n).transpose()).add(identity);
        TorchTensor row = scale.reshape(scale.size(0), 1, n);
        TorchTensor matrix = lower.mul(row.exp()).matmul(upper);
        TorchTensor right = upper.solveTriangular(identity.expand(scale.size(0), n, n), true);
        TorchTensor inverse = lower.solveTriangularRight(right.mul(row.neg().exp()), false);
        return new MatrixPair(matrix, inverse);
    }

    /// Ones below the diagonal.
    private static TorchTensor below(int n) {
        double[] ones = new double[n * n];
        for (int row = 0; row < n; row++) {
            Arrays.fill(ones, row * n, row * n + row, 1);
        }
        return TorchTensor.of(ones, n, n);
    }
}
