package dev.quern.methods;

import dev.quern.core.PackedWeight;
import dev.quern.core.Progress;
import dev.quern.core.UnsupportedModelException;
import dev.quern.models.Checkpoint;
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
import java.util.concurrent.atomic.AtomicInteger;

/// Trains the packed weights of a whole model end to end (`WeightTraining`), so that its next-token distributions come
/// near the float model's: the loss is the mean KL divergence over calibration tokens. Inputs and the KV cache are held
/// as the files say.
///
/// The float model runs once; what enters its head is kept, `[tokens, hiddenSize]` for each sequence. Memory: that, the
/// quantized model in float32 with its gradients, and the float model's head.
final class ModelTuning {
    private final Network teaching;
    private final WeightSource exact;
    private final Network network;
    private final WeightSource quantized;
    private final List<int[]> sequences;
    private final Parallel parallel;
    private final Progress progress;
    private final Map<Linear, TunedWeight> tuned = new LinkedHashMap<>();

    /// The two may differ in biases that a transform added.
    ModelTuning(Checkpoint exact, Checkpoint quantized, List<int[]> sequences, Parallel parallel, Progress progress) {
        this.teaching = exact.network();
        this.exact = exact.weights();
        this.network = quantized.network();
        this.quantized = quantized.weights();
        this.sequences = sequences;
        this.parallel = parallel;
        this.progress = progress;
        for (Linear linear : network.linears()) {
            TunedWeight.of(this.quantized.weight(linear.weightName())).ifPresent(weight -> tuned.put(linear, weight));
        }
        if (tuned.isEmpty()) {
            throw new UnsupportedModelException(
                    quantized.path() + ": holds neither integer codes in groups nor vector codebooks; tune takes what"
                            + " rtn, gptq, obq, awq, affinequant and vptq write; of a GGUF file `convert` makes such a directory");
        }
    }

    /// Trains `epochs` times over the sequences; `rate` is a share of each parameter's size. Losses are nats a token.
    WeightTraining.Outcome run(int epochs, double rate, TuneJournal journal) {
        return TorchScope.call(() -> {
            List<float[]> taught = taught();
            Linear head = teaching.head();
            TorchOps teacher = new TorchOps(
                    TorchWeights.named(Map.of(head.weightName(), TorchTensor.of(exact.weight(head.weightName())))));
            TorchWeights held = TorchWeights.named(TorchWeights.tensors(network, quantized, tuned.keySet()))
                    .withInputs(quantized::input, quantized.kv());
            WeightTraining training = new WeightTraining(
                    tuned,
                    (i, weights) -> {
                        TorchOps student = new TorchOps(held.withLinears(linear -> {
                            TorchTensor trained = weights.get(linear);
                            return trained == null ? held.weight(linear) : trained;
                        }));
                        return divergence(teacher, taught.get(i), student, sequences.get(i));
                    },
                    sequences.size(),
                    parallel,
                    progress::at);
            return training.run(epochs, rate, journal);
        });
    }

    /// The weights as they are now.
    Map<Linear, PackedWeight> weights() {
        Map<Linear, PackedWeight> weights = new LinkedHashMap<>();
        tuned.forEach((linear, weight) -> weights.put(linear, weight.pack()));
        return weights;
    }

    /// What enters the float model's head.
    private List<float[]> taught() {
        float[][] taught = new float[sequences.size()][];
        AtomicInteger done = new AtomicInteger();
        TorchScope.run(() -> {
            TorchOps teacher = new TorchOps(TorchWeights.named(TorchWeights.tensors(teaching, exact)));
            parallel.run(
                    taught.length,
                    i -> TorchScope.run(() -> {
                        progress.at("the float model", done.getAndIncrement(), taught.length);
                        taught[i] = Torch.noGrad(() ->
                                teaching.forward(teacher, sequences.get(i)).toFloats());
                    }));
        });
        return List.of(taught);
    }

    /// Mean over the tokens of KL(teacher ‖ student): the cross entropy of the two less the teacher's own,
    /// so that nothing but the student's logits is kept for the way back.
    private TorchTensor divergence(TorchOps teacher, float[] taught, TorchOps student, int[] tokens) {
        TorchTensor found =
                network.logits(student, network.forward(student, tokens)).logSoftmax(-1);
        double[] own = new double[1];
        TorchTensor wanted = TorchScope.keep(() -> Torch.noGrad(() -> {
            TorchTensor hidden = TorchTensor.of(taught, tokens.length, taught.length / tokens.length);
            TorchTensor logarithms = teaching.logits(teacher, hidden).logSoftmax(-1);
            TorchTensor shares = logarithms.exp();
            own[0] = total(shares.mul(logarithms)).item();
            return shares;
        }));
        return total(found.mul(wanted)).neg().add(own[0]).mul(1.0 / tokens.length);
    }

    /// The sum of `[tokens, entries]`: over tokens in float64, where two large sums leave a small difference.
    private static TorchTensor total(TorchTensor values) {
        return values.sum(1).toDouble().sum();
    }
}
