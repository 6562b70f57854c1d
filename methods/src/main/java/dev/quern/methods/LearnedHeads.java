package dev.quern.methods;

import dev.quern.models.Linear;
import dev.quern.torch.TorchTensor;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// One invertible matrix for each kv head between v and o: attention mixes tokens, not channels, so `W_v ← A⁻ᵀ·W_v`
/// and,
/// for every query head that reads the kv head, `W_o ← W_o·Aᵀ`. Free of cost at run time, whatever the rotary
/// embedding.
///
/// A shift, where there is one, is taken from v's bias and given to o's as `W_o · δ`, since attention weights sum to 1.
final class LearnedHeads implements LearnedSite {
    private final ValueSite site;
    private final InvertibleForm form;
    private final GradualMask mask;
    private final List<Learned> matrix;
    private final @Nullable Learned shift;

    /// Starts from `scales [kvHeads · headDim]`, and from `shifts` of the same size where there are some.
    LearnedHeads(ValueSite site, InvertibleForm form, GradualMask mask, double[] scales, double @Nullable [] shifts) {
        this.site = site;
        this.form = form;
        this.mask = mask;
        this.matrix = form.begin(site.name(), site.kvHeads(), site.headDim(), scales);
        this.shift = shifts == null
                ? null
                : new Learned(site.name() + ".shift", Learned.Part.SHIFT, shifts, site.kvHeads(), site.headDim());
    }

    @Override
    public String name() {
        return site.name();
    }

    @Override
    public List<Learned> learned() {
        return shift == null
                ? matrix
                : Stream.concat(matrix.stream(), Stream.of(shift)).toList();
    }

    @Override
    public List<MatrixPair> matrices(Leaves leaves, int epoch) {
        int size = site.headDim();
        double[] values = mask.matrix(epoch, size);
        TorchTensor masked = values == null ? null : TorchTensor.of(values, size, size);
        return List.of(form.build(leaves.of(matrix), masked));
    }

    @Override
    public void apply(BlockTensors tensors, Leaves leaves, int epoch) {
        MatrixPair pair = matrices(leaves, epoch).getFirst();
        if (shift != null) {
            shift(tensors, leaves.of(shift));
        }
        int groups = site.kvHeads();
        int size = site.headDim();
        Linear v = site.v();
        TorchTensor values = tensors.weight(v);
        TorchTensor counter = pair.inverse().transpose().like(values);
        tensors.weights()
                .put(
                        v,
                        counter.matmul(values.reshape(groups, size, v.inFeatures()))
                                .reshape(v.outFeatures(), v.inFeatures()));
        tensors.biases()
                .computeIfPresent(
                        v,
                        (_, bias) ->
                                counter.matmul(bias.reshape(groups, size, 1)).reshape(v.outFeatures()));
        outputs(tensors, pair.matrix());
    }

    private void outputs(BlockTensors tensors, TorchTensor matrix) {
        int groups = site.kvHeads();
        int size = site.headDim();
        int repeats = site.heads() / groups;
        Linear o = site.o();
        TorchTensor weight = tensors.weight(o);
        TorchTensor heads = weight.reshape(o.outFeatures(), groups, repeats, size)
                .transpose(0, 1)
                .reshape(groups, (long) o.outFeatures() * repeats, size);
        TorchTensor turned = heads.matmul(matrix.transpose().like(weight));
        tensors.weights()
                .put(
                        o,
                        turned.reshape(groups, o.outFeatures(), repeats, size)
                                .transpose(0, 1)
                                .reshape(o.outFeatures(), o.inFeatures()));
    }

    private void shift(BlockTensors tensors, TorchTensor values) {
        Linear v = site.v();
        Linear o = site.o();
        TorchTensor weight = tensors.weight(o);
        TorchTensor delta = values.like(weight);
        int repeats = site.heads() / site.kvHeads();
        TorchTensor wide = delta.reshape(site.kvHeads(), 1, site.headDim())
                .expand(site.kvHeads(), repeats, site.headDim())
                .reshape(o.inFeatures(), 1);
        TorchTensor moved = weight.matmul(wide).reshape(o.outFeatures());
        TorchTensor flat = delta.reshape(v.outFeatures());
        tensors.biases().merge(v, flat.neg(), TorchTensor::add);
        tensors.biases().merge(o, moved, TorchTensor::add);
    }
}
