package dev.quern.methods;

import dev.quern.torch.TorchTensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// `A = diag(exp t)`: what SmoothQuant, AWQ and OmniQuant move between a Linear and its input.
record DiagonalForm() implements InvertibleForm {
    @Override
    public String name() {
        return "diagonal";
    }

    @Override
    public List<Learned> begin(String site, int count, int size, double[] scales) {
        return List.of(new Learned(site + ".scale", Learned.Part.SCALE, InvertibleForm.logs(scales), count, size));
    }

    @Override
    public MatrixPair build(List<TorchTensor> values, @Nullable TorchTensor mask) {
        TorchTensor scale = values.getFirst();
        return new MatrixPair(scale.exp().diagonalMatrix(), scale.neg().exp().diagonalMatrix());
    }
}
