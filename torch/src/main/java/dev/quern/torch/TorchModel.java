package dev.quern.torch;

import dev.quern.models.Block;
import dev.quern.models.Network;
import dev.quern.models.WeightSource;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// A network on libtorch in float32: the reference that packed weights are measured against.
///
/// `load` dequantizes every weight once and holds it until `close`; `streaming` reads a block's weights when the block
/// runs and frees them after it, so memory does not grow with depth. Calls may come from several threads at once, but
/// not after `close`.
public final class TorchModel implements AutoCloseable {
    private final Network network;
    private final TorchOps ops;
    private final Set<TorchTensor> owned;

    private TorchModel(Network network, TorchWeights weights, Set<TorchTensor> owned) {
        this.network = network;
        this.ops = new TorchOps(weights);
        this.owned = owned;
    }

    /// Dequantizes all weights now.
    public static TorchModel load(Network network, WeightSource source) {
        return TorchScope.call(() -> {
            Map<String, TorchTensor> tensors = TorchWeights.tensors(network, source);
            Set<TorchTensor> owned = new HashSet<>(tensors.values());
            owned.forEach(TorchTensor::retain);
            return new TorchModel(network, TorchWeights.named(tensors).withInputs(source::input, source.kv()), owned);
        });
    }

    /// Dequantizes weights block by block, at every call.
    public static TorchModel streaming(Network network, WeightSource source) {
        return new TorchModel(network, TorchWeights.streaming(source), new HashSet<>());
    }

    public int vocabSize() {
        return network.config().vocabSize();
    }

    /// The logits after each token, row-major `[tokens, vocabSize]`.
    public float[] logits(int[] tokens) {
        return TorchScope.call(() ->
                Torch.noGrad(() -> network.logits(ops, hidden(tokens).getLast()).toFloats()));
    }

    /// The residual stream behind the embedding and behind each block, then the normed one: `[tokens, hiddenSize]`
    /// each. For comparing executors layer by layer.
    public List<float[]> hiddenStates(int[] tokens) {
        return TorchScope.call(() -> Torch.noGrad(
                () -> hidden(tokens).stream().map(TorchTensor::toFloats).toList()));
    }

    private List<TorchTensor> hidden(int[] tokens) {
        TorchTensor[] states = new TorchTensor[network.blocks().size() + 2];
        states[0] = ops.embed(network.embedding(), tokens);
        int at = 0;
        for (Block block : network.blocks()) {
            TorchTensor x = states[at];
            states[++at] = TorchScope.keep(() -> block.forward(ops, x));
        }
        states[at + 1] = ops.rmsNorm(network.finalNorm(), states[at]);
        return List.of(states);
    }

    @Override
    public void close() {
        owned.forEach(TorchTensor::release);
        owned.clear();
    }
}
