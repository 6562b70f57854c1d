package dev.quern.methods;

import dev.quern.models.InputTransform;
import dev.quern.torch.TorchTensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A randomised Hadamard transform of `size` features: nothing is learned, it spreads outliers over all of them
/// (QuaRot, arXiv:2404.00456); n·log n multiplications a token at run time.
final class HadamardForm implements InvertibleForm {
    private final InputTransform.Hadamard hadamard;
    private final double[] matrix;

    /// Signs drawn from `seed`.
    HadamardForm(int size, long seed) {
        this.hadamard = InputTransform.Hadamard.seeded(size, seed);
        this.matrix = new double[size * size];
        for (int row = 0; row < size; row++) {
            matrix[row * size + row] = 1;
            hadamard.apply(matrix, row * size);
        }
    }

    @Override
    public String name() {
        return "hadamard";
    }

    @Override
    public List<Learned> begin(String site, int count, int size, double[] scales) {
        return List.of();
    }

    @Override
    public MatrixPair build(List<TorchTensor> values, @Nullable TorchTensor mask) {
        TorchTensor inverse = TorchTensor.of(matrix, 1, hadamard.size(), hadamard.size());
        return new MatrixPair(inverse.transpose(), inverse);
    }

    /// None: it is orthogonal.
    @Override
    public List<MatrixPair> factors(List<TorchTensor> values, @Nullable TorchTensor mask) {
        return List.of();
    }

    @Override
    public InputTransform inverseTransform(List<TorchTensor> values, @Nullable TorchTensor mask) {
        return hadamard;
    }
}
