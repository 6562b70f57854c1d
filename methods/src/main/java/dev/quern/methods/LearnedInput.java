package dev.quern.methods;

import dev.quern.models.InputTransform;
import dev.quern.models.Linear;
import dev.quern.torch.TorchTensor;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// An explicit operation at run time: the Linears that share an input get `W ← W·Aᵀ`, and the input is multiplied by
/// `A⁻¹` behind everything else that makes it.
final class LearnedInput implements LearnedSite {
    private final List<Linear> linears;
    private final InvertibleForm form;
    private final GradualMask mask;
    private final List<Learned> matrix;

    /// Starts as the diagonal of `scales`, null = all 1.
    LearnedInput(List<Linear> linears, InvertibleForm form, GradualMask mask, double @Nullable [] scales) {
        this.linears = linears;
        this.form = form;
        this.mask = mask;
        this.matrix = form.begin(name(), 1, size(), scales == null ? ones() : scales);
    }

    private double[] ones() {
        double[] ones = new double[size()];
        Arrays.fill(ones, 1);
        return ones;
    }

    private int size() {
        return linears.getFirst().inFeatures();
    }

    @Override
    public String name() {
        return "input of " + Sites.shortNames(linears);
    }

    List<Linear> linears() {
        return linears;
    }

    @Override
    public List<Learned> learned() {
        return matrix;
    }

    @Override
    public List<MatrixPair> matrices(Leaves leaves, int epoch) {
        return form.factors(values(leaves), mask(epoch));
    }

    /// What runs on the input once training is over.
    InputTransform transform(Leaves leaves, int epoch) {
        return form.inverseTransform(values(leaves), mask(epoch));
    }

    private List<TorchTensor> values(Leaves leaves) {
        return leaves.of(matrix);
    }

    private @Nullable TorchTensor mask(int epoch) {
        double[] values = mask.matrix(epoch, size());
        return values == null ? null : TorchTensor.of(values, size(), size());
    }

    @Override
    public void apply(BlockTensors tensors, Leaves leaves, int epoch) {
        MatrixPair pair = form.build(values(leaves), mask(epoch));
        TorchTensor like = tensors.weight(linears.getFirst());
        TorchTensor turned = pair.matrix().select(0, 0).transpose().like(like);
        TorchTensor inverse = pair.inverse().select(0, 0).like(like);
        for (Linear linear : linears) {
            tensors.weights().put(linear, tensors.weight(linear).matmul(turned));
            tensors.inputs().put(linear, inverse);
        }
    }
}
