package dev.quern.methods;

import dev.quern.core.PackedWeight;
import dev.quern.core.Progress;
import dev.quern.core.UnsupportedModelException;
import dev.quern.core.VectorWeight;
import dev.quern.models.Linear;
import dev.quern.models.Network;
import dev.quern.models.WeightSource;
import dev.quern.torch.Torch;
import dev.quern.torch.TorchOps;
import dev.quern.torch.TorchScope;
import dev.quern.torch.TorchTensor;
import dev.quern.torch.TorchWeights;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Trains the codebooks of a whole model end to end (`VectorTraining`), so that its next-token distributions come near
/// the float model's: the loss is the mean KL divergence over calibration tokens. Memory: both models in float32 and
/// their gradients.
final class VectorTuning {
    private final Network network;
    private final WeightSource exact;
    private final WeightSource quantized;
    private final List<int[]> sequences;
    private final Parallel parallel;
    private final Progress progress;
    private final Map<Linear, TunedVectors> tuned = new LinkedHashMap<>();

    VectorTuning(
            Network network,
            WeightSource exact,
            WeightSource quantized,
            List<int[]> sequences,
            Parallel parallel,
            Progress progress) {
        this.network = network;
        this.exact = exact;
        this.quantized = quantized;
        this.sequences = sequences;
        this.parallel = parallel;
        this.progress = progress;
        for (Linear linear : network.linears()) {
            PackedWeight weight = quantized.weight(linear.weightName());
            if (weight instanceof VectorWeight vectors) {
                tuned.put(linear, new TunedVectors(vectors));
            }
        }
        if (tuned.isEmpty()) {
            throw new UnsupportedModelException(
                    "the model holds no vector codebooks: tune takes what --method vptq wrote");
        }
    }

    /// Trains `epochs` times over the sequences; `rate` is a share of each parameter's size. Losses are nats a token.
    VectorTraining.Outcome run(int epochs, double rate, TuneJournal journal) {
        return TorchScope.call(() -> {
            TorchOps teacher = new TorchOps(TorchWeights.named(TorchWeights.tensors(network, exact)));
            TorchWeights held = TorchWeights.named(TorchWeights.tensors(network, quantized, tuned.keySet()));
            VectorTraining training = new VectorTraining(
                    tuned,
                    (i, weights) -> {
                        TorchOps student = new TorchOps(held.withLinears(linear -> {
                            TorchTensor trained = weights.get(linear);
                            return trained == null ? held.weight(linear) : trained;
                        }));
                        return divergence(teacher, student, sequences.get(i));
                    },
                    sequences.size(),
                    parallel,
                    progress::at);
            return training.run(epochs, rate, journal);
        });
    }

    /// The weights as they are now.
    Map<Linear, VectorWeight> weights() {
        Map<Linear, VectorWeight> weights = new LinkedHashMap<>();
        tuned.forEach((linear, vectors) -> weights.put(linear, vectors.pack()));
        return weights;
    }

    /// Mean over the tokens of KL(teacher ‖ student).
    private TorchTensor divergence(TorchOps teacher, TorchOps student, int[] tokens) {
        TorchTensor wanted = TorchScope.keep(() -> Torch.noGrad(
                () -> network.logits(teacher, network.forward(teacher, tokens)).logSoftmax(-1)));
        TorchTensor found =
                network.logits(student, network.forward(student, tokens)).logSoftmax(-1);
        return wanted.exp().mul(wanted.sub(found)).sum().mul(1.0 / tokens.length);
    }
}
