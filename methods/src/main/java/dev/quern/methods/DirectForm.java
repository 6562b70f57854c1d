package dev.quern.methods;

import dev.quern.torch.TorchTensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The matrix itself under the mask, inverted directly, as AffineQuant's own code does (arXiv:2403.12544): nothing but
/// small steps keeps it invertible.
record DirectForm() implements InvertibleForm {
    @Override
    public String name() {
        return "direct";
    }

    @Override
    public List<Learned> begin(String site, int count, int size, double[] scales) {
        int square = Math.multiplyExact(count, size * size);
        return List.of(
                new Learned(site + ".scale", Learned.Part.SCALE, scales.clone(), count, size),
                new Learned(site + ".others", Learned.Part.MATRIX, new double[square], count, size, size));
    }

    @Override
    public MatrixPair build(List<TorchTensor> values, @Nullable TorchTensor mask) {
        TorchTensor others = InvertibleForm.offDiagonal(InvertibleForm.masked(values.get(1), mask));
        TorchTensor matrix = others.add(values.getFirst().diagonalMatrix());
        return new MatrixPair(matrix, matrix.inverse());
    }
}
