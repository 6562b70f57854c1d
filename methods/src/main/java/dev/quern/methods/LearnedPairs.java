package dev.quern.methods;

import dev.quern.models.Linear;
import dev.quern.models.Norm;
import dev.quern.torch.TorchTensor;
import java.util.List;
import java.util.function.UnaryOperator;

/// Queries and keys under rotary embeddings: one complex number a pair and kv head, see `RotaryPairs`. Where norms of
/// heads stand in between (Qwen3, Gemma 3), magnitudes alone move, through the norms' weights, and all heads share
/// them.
final class LearnedPairs implements LearnedSite {
    private final QueryKeySite site;
    private final RotaryPairs pairs;
    private final List<Learned> learned;

    LearnedPairs(QueryKeySite site) {
        this.site = site;
        this.pairs = new RotaryPairs(site.heads(), site.kvHeads(), site.headDim());
        int half = site.headDim() / 2;
        this.learned = site.norms() == null
                ? pairs.begin(site.name())
                : List.of(new Learned(site.name() + ".magnitude", Learned.Part.SCALE, new double[half], 1, half));
    }

    @Override
    public String name() {
        return site.name();
    }

    @Override
    public List<Learned> learned() {
        return learned;
    }

    @Override
    public void apply(BlockTensors tensors, Leaves leaves, int epoch) {
        TorchTensor magnitude = leaves.of(learned.getFirst());
        if (site.norms() != null) {
            scale(tensors, site.norms().k(), magnitude);
            scale(tensors, site.norms().q(), magnitude.neg());
            return;
        }
        TorchTensor phase = leaves.of(learned.get(1));
        turn(tensors, site.k(), rows -> pairs.keys(rows, magnitude, phase));
        turn(tensors, site.q(), rows -> pairs.queries(rows, magnitude, phase));
    }

    private static void scale(BlockTensors tensors, Norm norm, TorchTensor logs) {
        TorchTensor flat = logs.exp().reshape(logs.count());
        tensors.scaleNorm(norm, TorchTensor.cat(List.of(flat, flat), 0));
    }

    private static void turn(BlockTensors tensors, Linear linear, UnaryOperator<TorchTensor> turned) {
        tensors.weights().put(linear, turned.apply(tensors.weight(linear)));
        tensors.biases()
                .computeIfPresent(
                        linear,
                        (_, bias) -> turned.apply(bias.reshape(bias.count(), 1)).reshape(bias.count()));
    }
}
