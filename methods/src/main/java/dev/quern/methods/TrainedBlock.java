package dev.quern.methods;

import dev.quern.models.Linear;
import dev.quern.torch.Torch;
import dev.quern.torch.TorchScope;
import dev.quern.torch.TorchTensor;
import dev.quern.torch.TorchWeights;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/// A block whose transforms and ranges are in training: its loss on sequences, and the gradient of all that is learned.
///
/// A step transforms and quantizes the weights once for all of its sequences. Each sequence then has leaves of its own
/// and leaves its gradients in arrays of its own, on whatever thread; they are summed in the order of the sequences and
/// flow back through rounding (by hand, `LearnedClip`) and through the transforms (libtorch). So nothing depends on the
/// number of threads. Lives within the scope that it was made in; not thread-safe.
final class TrainedBlock {
    private static final int CHUNK = 1 << 16;

    private final BlockTask task;
    private final BlockObjective objective;
    private final TorchWeights inputs;
    private final BlockTensors base;
    private final List<LearnedSite> sites;
    private final Map<Linear, LinearClip> clips;
    private final List<Learned> learned;
    private final List<Map<String, float[]>> gradients = new ArrayList<>();

    /// `inputs` quantizes activations, if at all, and has what is not of the block.
    TrainedBlock(
            BlockTask task,
            BlockObjective objective,
            TorchWeights inputs,
            List<LearnedSite> sites,
            Map<Linear, LinearClip> clips,
            boolean learnsClips) {
        this.task = task;
        this.objective = objective;
        this.inputs = inputs;
        this.base = BlockTensors.of(task.parameters(), false);
        this.sites = sites;
        this.clips = clips;
        List<Learned> all = new ArrayList<>();
        sites.forEach(site -> all.addAll(site.learned()));
        if (learnsClips) {
            clips.values().forEach(clip -> all.addAll(clip.learned()));
        }
        this.learned = List.copyOf(all);
    }

    /// All that is learned.
    List<Learned> learned() {
        return learned;
    }

    List<LearnedSite> sites() {
        return sites;
    }

    /// Starts the ranges where a search over shrunk ones finds the smallest error of the transformed weights; their
    /// inputs
    /// are taken to be divided as the columns were multiplied.
    void searchClips(SiteStatistics statistics) {
        TorchScope.run(() -> {
            BlockTensors tensors = Torch.noGrad(() -> transformed(Leaves.of(sites, false), 0));
            clips.forEach((linear, clip) -> {
                float[] before = base.weight(linear).toFloats();
                float[] after = tensors.weight(linear).toFloats();
                double[] importance = statistics.inputs(linear).square().clone();
                double[] grown = grown(before, after, importance.length);
                for (int j = 0; j < importance.length; j++) {
                    importance[j] /= grown[j];
                }
                clip.search(after, importance, task.parallel());
            });
        });
    }

    /// How much the squares of each column grew.
    private static double[] grown(float[] before, float[] after, int cols) {
        double[] old = new double[cols];
        double[] grown = new double[cols];
        for (int i = 0; i < before.length; i++) {
            old[i % cols] += (double) before[i] * before[i];
            grown[i % cols] += (double) after[i] * after[i];
        }
        for (int j = 0; j < cols; j++) {
            grown[j] = old[j] > 0 && grown[j] > 0 ? grown[j] / old[j] : 1;
        }
        return grown;
    }

    /// The loss of each sequence of a step, and the gradient of their mean for each of `learned`.
    record Gradients(double[] losses, List<double[]> values) {
        /// The mean.
        double loss() {
            return Arrays.stream(losses).sum() / losses.length;
        }
    }

    /// What a plain run of the weights loses: no transform, whole ranges.
    double plainLoss(int[] sequences) {
        return loss(sequences, true, 0);
    }

    /// The mean loss on `sequences` with the mask of `epoch`.
    double loss(int[] sequences, int epoch) {
        return loss(sequences, false, epoch);
    }

    private double loss(int[] sequences, boolean plain, int epoch) {
        double[] losses = new double[sequences.length];
        TorchScope.run(() -> {
            Map<String, TorchTensor> shared =
                    Torch.noGrad(() -> quantized(plain ? base : transformed(Leaves.of(sites, false), epoch), plain));
            TorchWeights weights = new NamedWeights(shared, inputs);
            task.parallel()
                    .run(
                            sequences.length,
                            k -> TorchScope.run(() -> losses[k] = Torch.noGrad(
                                    () -> objective.loss(sequences[k], weights).item())));
        });
        return Arrays.stream(losses).sum() / losses.length;
    }

    /// One step's gradients on the sequences of a batch.
    Gradients gradients(int[] batch, int epoch) {
        double[] losses = new double[batch.length];
        List<double[]> result = new ArrayList<>();
        TorchScope.run(() -> {
            Leaves leaves = Leaves.of(sites, true);
            BlockTensors tensors = transformed(leaves, epoch);
            Map<String, TorchTensor> shared = Torch.noGrad(() -> quantized(tensors, false));
            Map<String, TorchTensor> graph = differentiable(tensors);
            task.parallel().run(batch.length, k -> losses[k] = sequence(k, batch, shared, graph));
            Map<String, float[]> sums = summed(batch.length, graph);
            Map<Learned, double[]> found = new IdentityHashMap<>();
            clips.forEach((linear, clip) -> {
                List<double[]> logits = clip.backward(named(sums, linear.weightName()), task.parallel());
                for (int i = 0; i < logits.size(); i++) {
                    found.put(clip.learned().get(i), logits.get(i));
                }
            });
            backward(graph, sums);
            found.putAll(leaves.gradients());
            learned.forEach(one -> result.add(Objects.requireNonNull(found.get(one))));
        });
        return new Gradients(losses, result);
    }

    private BlockTensors transformed(Leaves leaves, int epoch) {
        BlockTensors tensors = base.copy();
        sites.forEach(site -> site.apply(tensors, leaves, epoch));
        return tensors;
    }

    /// The tensors that the block runs on: weights rounded where they will be.
    private Map<String, TorchTensor> quantized(BlockTensors tensors, boolean plain) {
        Map<String, TorchTensor> shared = new LinkedHashMap<>(tensors.named());
        clips.forEach((linear, clip) -> {
            tensors.weight(linear).copyTo(clip.weight(), 0);
            shared.put(
                    linear.weightName(),
                    TorchTensor.of(clip.forward(plain, task.parallel()), linear.outFeatures(), linear.inFeatures()));
        });
        shared.replaceAll((_, tensor) -> tensor.detach());
        return shared;
    }

    /// The tensors whose gradient is wanted.
    private Map<String, TorchTensor> differentiable(BlockTensors tensors) {
        Map<String, TorchTensor> graph = new LinkedHashMap<>(tensors.named());
        graph.entrySet()
                .removeIf(entry -> !entry.getValue().requiresGrad()
                        && clips.keySet().stream().noneMatch(l -> l.weightName().equals(entry.getKey())));
        return graph;
    }

    private double sequence(int k, int[] batch, Map<String, TorchTensor> shared, Map<String, TorchTensor> graph) {
        Map<String, float[]> target = arrays(k, graph);
        return TorchScope.call(() -> {
            Map<String, TorchTensor> leaves = new HashMap<>(shared);
            for (String name : graph.keySet()) {
                leaves.computeIfPresent(name, (_, tensor) -> tensor.detach().requireGrad());
            }
            TorchTensor loss = objective.loss(batch[k], new NamedWeights(leaves, inputs));
            loss.mul(1.0 / batch.length).backward();
            target.forEach((name, array) -> named(leaves, name)
                    .grad()
                    .ifPresentOrElse(grad -> grad.copyTo(array, 0), () -> Arrays.fill(array, 0)));
            return loss.item();
        });
    }

    /// The arrays of sequence `k` of a batch, made at the first step.
    private Map<String, float[]> arrays(int k, Map<String, TorchTensor> graph) {
        synchronized (gradients) {
            while (gradients.size() <= k) {
                Map<String, float[]> arrays = new LinkedHashMap<>();
                graph.forEach((name, tensor) -> arrays.put(name, new float[Math.toIntExact(tensor.count())]));
                gradients.add(arrays);
            }
            return gradients.get(k);
        }
    }

    private Map<String, float[]> summed(int count, Map<String, TorchTensor> graph) {
        Map<String, float[]> sums = gradients.getFirst();
        for (String name : graph.keySet()) {
            float[] sum = named(sums, name);
            task.parallel().run((sum.length + CHUNK - 1) / CHUNK, chunk -> {
                int to = Math.min(sum.length, (chunk + 1) * CHUNK);
                for (int k = 1; k < count; k++) {
                    float[] part = named(gradients.get(k), name);
                    for (int i = chunk * CHUNK; i < to; i++) {
                        sum[i] += part[i];
                    }
                }
            });
        }
        return sums;
    }

    /// Lets the gradients of the transformed tensors flow back to the leaves.
    private static void backward(Map<String, TorchTensor> graph, Map<String, float[]> sums) {
        List<TorchTensor> products = new ArrayList<>();
        graph.forEach((name, tensor) -> {
            if (tensor.requiresGrad()) {
                TorchTensor gradient = TorchTensor.of(named(sums, name), tensor.shape());
                products.add(tensor.mul(gradient).sum());
            }
        });
        products.stream().reduce(TorchTensor::add).ifPresent(TorchTensor::backward);
    }

    private static <V> V named(Map<String, V> values, String name) {
        V value = values.get(name);
        if (value == null) {
            throw new IllegalStateException("nothing is named " + name);
        }
        return value;
    }
}
