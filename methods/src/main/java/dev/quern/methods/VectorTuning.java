package dev.quern.methods;

import dev.quern.core.PackedWeight;
import dev.quern.core.Progress;
import dev.quern.core.UnsupportedModelException;
import dev.quern.core.VectorWeight;
import dev.quern.models.Block;
import dev.quern.models.Linear;
import dev.quern.models.Network;
import dev.quern.models.WeightSource;
import dev.quern.torch.Torch;
import dev.quern.torch.TorchOps;
import dev.quern.torch.TorchScope;
import dev.quern.torch.TorchTensor;
import dev.quern.torch.TorchWeights;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;

/// Trains the centroids, scales and shifts of a whole model end to end, codes frozen, so that its next-token
/// distributions come near the float model's: the mean KL divergence over calibration tokens.
///
/// Every eighth sequence judges and is not learnt from: after each epoch the best state so far is kept, and an epoch
/// that
/// made things worse is undone and tried again at half the rate; after four such the search ends. So the result is
/// never
/// worse than what it began with on the sequences held out. Memory: both models in float32 and their gradients.
final class VectorTuning {
    private static final int HELD_OUT = 8;
    private static final int MOST_HALVINGS = 3;

    /// Sequences of a step.
    private static final int BATCH = 4;

    private final Network network;
    private final WeightSource exact;
    private final WeightSource quantized;
    private final List<int[]> sequences;
    private final Parallel parallel;
    private final Progress progress;
    private final Map<Linear, TunedVectors> tuned = new LinkedHashMap<>();
    private final Map<Linear, float[]> dense = new HashMap<>();
    private final List<String> notes = new ArrayList<>();

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
        for (Block block : network.blocks()) {
            for (Linear linear : block.linears()) {
                PackedWeight weight = quantized.weight(linear.weightName());
                if (weight instanceof VectorWeight vectors) {
                    tuned.put(linear, new TunedVectors(vectors));
                    dense.put(linear, new float[vectors.rows() * vectors.cols()]);
                }
            }
        }
        if (tuned.isEmpty()) {
            throw new UnsupportedModelException(
                    "the model holds no vector codebooks: tune takes what --method vptq wrote");
        }
    }

    /// What the held-out sequences said: nats a token before and after.
    record Outcome(double before, double after, List<String> notes) {}

    /// Trains `epochs` times over the sequences; `rate` is a share of each parameter's size.
    Outcome run(int epochs, double rate) {
        int[] training = part(false);
        int[] judging = part(true);
        return TorchScope.call(() -> {
            Map<String, TorchTensor> floats = TorchWeights.tensors(network, exact);
            Map<String, TorchTensor> held = TorchWeights.tensors(network, quantized);
            TorchOps teacher = new TorchOps(TorchWeights.named(floats));
            double before = judge(teacher, held, judging);
            double best = before;
            List<List<float[]>> state = state();
            double share = rate;
            int halvings = 0;
            Map<Linear, Adam> optimizers = optimizers();
            for (int epoch = 0; epoch < epochs; epoch++) {
                for (int from = 0; from < training.length; from += BATCH) {
                    progress.at(
                            String.format(Locale.ROOT, "epoch %d, held out %.4f nats", epoch + 1, best),
                            (long) epoch * training.length + from,
                            (long) epochs * training.length);
                    int to = Math.min(training.length, from + BATCH);
                    double done = (epoch + (double) from / training.length) / epochs;
                    // half a cosine down to a tenth
                    double now = share * (0.1 + 0.45 * (1 + Math.cos(Math.PI * done)));
                    step(teacher, held, java.util.Arrays.copyOfRange(training, from, to), optimizers, now);
                }
                double loss = judge(teacher, held, judging);
                if (loss < best) {
                    best = loss;
                    state = state();
                } else {
                    restore(state, held);
                    optimizers = optimizers();
                    share /= 2;
                    notes.add(String.format(
                            Locale.ROOT,
                            "epoch %d: %.4f nats on held-out text, not below %.4f: undone, rate halved",
                            epoch + 1,
                            loss,
                            best));
                    if (++halvings > MOST_HALVINGS) {
                        break;
                    }
                }
            }
            restore(state, held);
            return new Outcome(before, best, List.copyOf(notes));
        });
    }

    /// The weights as they are now.
    Map<Linear, VectorWeight> weights() {
        Map<Linear, VectorWeight> weights = new LinkedHashMap<>();
        tuned.forEach((linear, vectors) -> weights.put(linear, vectors.pack()));
        return weights;
    }

    private int[] part(boolean judging) {
        int count = sequences.size();
        return IntStream.range(0, count)
                .filter(i -> count < 2 || (i % HELD_OUT == Math.min(HELD_OUT, count) - 1) == judging)
                .toArray();
    }

    private Map<Linear, Adam> optimizers() {
        Map<Linear, Adam> optimizers = new HashMap<>();
        tuned.forEach((linear, vectors) -> optimizers.put(linear, new Adam(vectors.parameters())));
        return optimizers;
    }

    private List<List<float[]>> state() {
        return tuned.values().stream()
                .map(vectors ->
                        vectors.parameters().stream().map(float[]::clone).toList())
                .toList();
    }

    private void restore(List<List<float[]>> state, Map<String, TorchTensor> held) {
        int at = 0;
        for (TunedVectors vectors : tuned.values()) {
            List<float[]> from = state.get(at++);
            for (int i = 0; i < from.size(); i++) {
                System.arraycopy(from.get(i), 0, vectors.parameters().get(i), 0, from.get(i).length);
            }
        }
        refresh(held);
    }

    /// Carries the parameters into the tensors.
    private void refresh(Map<String, TorchTensor> held) {
        List<Linear> linears = List.copyOf(tuned.keySet());
        parallel.run(
                linears.size(),
                i -> TorchScope.run(() -> Torch.noGrad(() -> {
                    Linear linear = linears.get(i);
                    float[] values = dense(linear);
                    vectors(linear).fill(0, linear.outFeatures(), values);
                    tensor(held, linear).copyInPlace(TorchTensor.of(values, linear.outFeatures(), linear.inFeatures()));
                    return i;
                })));
    }

    private TunedVectors vectors(Linear linear) {
        return required(tuned.get(linear), linear);
    }

    private float[] dense(Linear linear) {
        return required(dense.get(linear), linear);
    }

    private static TorchTensor tensor(Map<String, TorchTensor> held, Linear linear) {
        return required(held.get(linear.weightName()), linear);
    }

    private static <T> T required(@org.jspecify.annotations.Nullable T value, Linear linear) {
        if (value == null) {
            throw new IllegalStateException(linear.name() + " is not in training");
        }
        return value;
    }

    private double judge(TorchOps teacher, Map<String, TorchTensor> held, int[] judging) {
        double[] sums = new double[judging.length];
        TorchOps student = new TorchOps(TorchWeights.named(held));
        parallel.run(
                judging.length,
                i -> TorchScope.run(() -> Torch.noGrad(() -> {
                    sums[i] = divergence(teacher, student, sequences.get(judging[i]))
                            .item();
                    return i;
                })));
        return java.util.Arrays.stream(sums).sum() / judging.length;
    }

    /// Mean over the tokens of KL(teacher ‖ student).
    private TorchTensor divergence(TorchOps teacher, TorchOps student, int[] tokens) {
        TorchTensor wanted = TorchScope.keep(() -> Torch.noGrad(
                () -> network.logits(teacher, network.forward(teacher, tokens)).logSoftmax(-1)));
        TorchTensor found =
                network.logits(student, network.forward(student, tokens)).logSoftmax(-1);
        return wanted.exp().mul(wanted.sub(found)).sum().mul(1.0 / tokens.length);
    }

    private void step(
            TorchOps teacher, Map<String, TorchTensor> held, int[] batch, Map<Linear, Adam> optimizers, double share) {
        List<Map<Linear, List<double[]>>> parts = new ArrayList<>();
        for (int i = 0; i < batch.length; i++) {
            Map<Linear, List<double[]>> part = new HashMap<>();
            tuned.forEach((linear, vectors) -> part.put(linear, vectors.zeros()));
            parts.add(part);
        }
        parallel.run(
                batch.length,
                i -> TorchScope.run(() -> {
                    // leaves of this sequence's own over shared memory: gradients of two sequences never meet
                    Map<String, TorchTensor> leaves = new HashMap<>(held);
                    tuned.keySet()
                            .forEach(l -> leaves.put(
                                    l.weightName(), tensor(held, l).detach().requireGrad()));
                    TorchOps student = new TorchOps(TorchWeights.named(leaves));
                    divergence(teacher, student, sequences.get(batch[i])).backward();
                    tuned.forEach((linear, vectors) -> TorchScope.run(() -> {
                        float[] gradient =
                                tensor(leaves, linear).grad().orElseThrow().toFloats();
                        vectors.gradients(gradient, required(parts.get(i).get(linear), linear));
                    }));
                }));
        List<Linear> linears = List.copyOf(tuned.keySet());
        parallel.run(linears.size(), i -> {
            Linear linear = linears.get(i);
            List<double[]> sum = required(parts.getFirst().get(linear), linear);
            for (int k = 1; k < parts.size(); k++) {
                add(sum, required(parts.get(k).get(linear), linear));
            }
            double[] rates = vectors(linear).sizes();
            for (int k = 0; k < rates.length; k++) {
                rates[k] *= share;
            }
            required(optimizers.get(linear), linear).step(sum, rates);
        });
        refresh(held);
    }

    private static void add(List<double[]> sum, List<double[]> other) {
        for (int p = 0; p < sum.size(); p++) {
            for (int k = 0; k < sum.get(p).length; k++) {
                sum.get(p)[k] += other.get(p)[k];
            }
        }
    }
}
