package dev.quern.methods;

import dev.quern.models.Linear;
import dev.quern.torch.TorchTensor;
import java.util.List;
import java.util.Map;

/// A full matrix at a norm: `W ← W·Aᵀ` in all Linears that read it, and their input is multiplied by `A⁻¹` at run time,
/// which costs n² multiplications a token. What AffineQuant's weight-only recipe does.
final class LearnedInput implements LearnedSite {
    private final NormSite site;
    private final InvertibleForm form;
    private final GradualMask mask;
    private final List<Learned> matrix;

    LearnedInput(NormSite site, InvertibleForm form, GradualMask mask, double[] scales) {
        this.site = site;
        this.form = form;
        this.mask = mask;
        this.matrix = form.begin(site.name(), 1, site.channels(), scales);
    }

    @Override
    public String name() {
        return site.name();
    }

    @Override
    public List<Learned> learned() {
        return matrix;
    }

    @Override
    public List<MatrixPair> matrices(Map<Learned, TorchTensor> leaves, int epoch) {
        int size = site.channels();
        double[] values = mask.matrix(epoch, size);
        TorchTensor masked = values == null ? null : TorchTensor.of(values, size, size);
        return List.of(form.build(matrix.stream().map(leaves::get).toList(), masked));
    }

    @Override
    public void apply(BlockTensors tensors, Map<Learned, TorchTensor> leaves, int epoch) {
        MatrixPair pair = matrices(leaves, epoch).getFirst();
        TorchTensor like = tensors.weight(site.consumers().getFirst());
        TorchTensor turned = pair.matrix().select(0, 0).transpose().like(like);
        TorchTensor inverse = pair.inverse().select(0, 0).like(like);
        for (Linear linear : site.consumers()) {
            tensors.weights().put(linear, tensors.weight(linear).matmul(turned));
            tensors.inputs().put(linear, inverse);
        }
    }
}
