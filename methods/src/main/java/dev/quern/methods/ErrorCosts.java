package dev.quern.methods;

import dev.quern.core.KvScheme;
import dev.quern.core.Progress;
import dev.quern.models.Block;
import dev.quern.models.Embedding;
import dev.quern.models.Linear;
import dev.quern.models.Network;
import dev.quern.models.Norm;
import dev.quern.models.WeightSource;
import dev.quern.torch.Torch;
import dev.quern.torch.TorchOps;
import dev.quern.torch.TorchScope;
import dev.quern.torch.TorchTensor;
import dev.quern.torch.TorchWeights;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/// What errors in each Linear cost a model, measured on it: where its weights err by their own size, the expected
/// divergence from the model as it is, in nats a token, to second order.
///
/// For labels that the model itself draws, the mean outer product of gradients is the Hessian of that divergence. With
/// inputs `x` and gradients `g` of a Linear's output taken as independent (K-FAC, arXiv:1503.05671), weights that are
/// off by `ΔW` cost `½ · E‖g‖² / out · tr(ΔW·E[x·xᵀ]·ΔWᵀ)`, here with the diagonal of the second moments and
/// `W` for `ΔW`. Labels are drawn independently, so `E‖g‖²` is `E‖G‖² / E Σ‖x‖²` of the gradient `G` of whole
/// sequences.
///
/// A block at a time: forward with the residual stream kept before each block, then back, each block run again. Memory:
/// one block in float32 with its gradients, the head, and the streams. Time: four forward passes over `SEQUENCES` of
/// `LENGTH` tokens. Results do not depend on the number of threads.
public final class ErrorCosts {
    private static final int SEQUENCES = 24;
    private static final int LENGTH = 256;

    private final Network network;
    private final WeightSource source;
    private final TorchWeights weights;
    private final List<int[]> sequences;
    private final long seed;
    private final Parallel parallel;
    private final Progress progress;

    private ErrorCosts(
            Network network, WeightSource source, List<int[]> text, long seed, Parallel parallel, Progress progress) {
        this.network = network;
        this.source = source;
        this.weights = TorchWeights.streaming(source);
        this.sequences = text.stream()
                .limit(SEQUENCES)
                .map(tokens -> Arrays.copyOf(tokens, Math.min(tokens.length, LENGTH)))
                .toList();
        this.seed = seed;
        this.parallel = parallel;
        this.progress = progress;
    }

    /// The costs of the blocks' Linears on the beginnings of `text`.
    public static Map<Linear, Double> measure(
            Network network, WeightSource source, List<int[]> text, long seed, Parallel parallel, Progress progress) {
        return new ErrorCosts(network, source, text, seed, parallel, progress).run();
    }

    private Map<Linear, Double> run() {
        List<Block> blocks = network.blocks();
        List<float[][]> states = new ArrayList<>();
        states.add(embedded());
        for (Block block : blocks) {
            at("forward " + block.layer(), block.layer());
            states.add(forward(block, states.getLast()));
            release(block);
        }
        at("labels", blocks.size());
        float[][] gradients = labelled(states.removeLast());
        Map<Linear, Double> costs = new LinkedHashMap<>();
        for (Block block : blocks.reversed()) {
            at("back " + block.layer(), 2L * blocks.size() - block.layer());
            costs.putAll(back(block, states.removeLast(), gradients));
            release(block);
        }
        return costs;
    }

    /// Lets go of the pages of the file that the block was read from.
    private void release(Block block) {
        block.linears().forEach(linear -> Mapped.release(source.weight(linear.weightName())));
    }

    private void at(String what, long done) {
        progress.at("what errors cost: " + what, done, 2L * network.blocks().size() + 1);
    }

    private void each(SequenceBody body) {
        parallel.run(sequences.size(), i -> TorchScope.run(() -> body.run(i)));
    }

    private interface SequenceBody {
        void run(int sequence);
    }

    private float[][] embedded() {
        float[][] states = new float[sequences.size()][];
        TorchOps ops = new TorchOps(weights);
        each(i -> states[i] = Torch.noGrad(
                () -> ops.embed(network.embedding(), sequences.get(i)).toFloats()));
        return states;
    }

    private float[][] forward(Block block, float[][] states) {
        float[][] next = new float[states.length][];
        TorchScope.run(() -> {
            Map<Linear, TorchTensor> loaded = loaded(block.linears());
            TorchOps ops = new TorchOps(weights.withLinears(linear -> named(loaded, linear)));
            each(i -> next[i] =
                    Torch.noGrad(() -> block.forward(ops, state(states, i)).toFloats()));
        });
        return next;
    }

    private Map<Linear, TorchTensor> loaded(List<Linear> linears) {
        Map<Linear, TorchTensor> loaded = new LinkedHashMap<>();
        linears.forEach(linear -> loaded.put(linear, weights.weight(linear)));
        return loaded;
    }

    private TorchTensor state(float[][] states, int sequence) {
        long tokens = sequences.get(sequence).length;
        return TorchTensor.of(states[sequence], tokens, states[sequence].length / tokens);
    }

    /// The gradients of the stream behind the last block, for labels drawn from what the model predicts.
    private float[][] labelled(float[][] states) {
        float[][] gradients = new float[states.length][];
        TorchScope.run(() -> {
            TorchTensor head = weights.weight(network.head());
            TorchOps ops = new TorchOps(weights.withLinears(_ -> head));
            each(i -> {
                TorchTensor stream = state(states, i).requireGrad();
                TorchTensor logits = network.logits(ops, ops.rmsNorm(network.finalNorm(), stream));
                int tokens = sequences.get(i).length;
                int[] labels =
                        drawn(Torch.noGrad(() -> logits.detach().softmax(-1).toFloats()), tokens, seed + i);
                logits.crossEntropy(labels).mul(tokens).backward();
                gradients[i] = gradient(stream);
            });
        });
        return gradients;
    }

    private static int[] drawn(float[] probabilities, int tokens, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int classes = probabilities.length / tokens;
        int[] labels = new int[tokens];
        for (int t = 0; t < tokens; t++) {
            double left = random.nextDouble();
            int label = 0;
            while (label < classes - 1 && (left -= probabilities[t * classes + label]) >= 0) {
                label++;
            }
            labels[t] = label;
        }
        return labels;
    }

    private static float[] gradient(TorchTensor leaf) {
        return leaf.grad()
                .orElseThrow(() -> new IllegalStateException("no gradient"))
                .toFloats();
    }

    /// The block's costs; `gradients`, those behind it, become those before it.
    private Map<Linear, Double> back(Block block, float[][] states, float[][] gradients) {
        Map<Linear, Double> costs = new LinkedHashMap<>();
        Map<Linear, double[]> squares = new LinkedHashMap<>();
        block.linears().forEach(linear -> squares.put(linear, new double[states.length]));
        List<Map<Linear, float[]>> moments = new ArrayList<>();
        sequences.forEach(_ -> moments.add(new HashMap<>()));
        TorchScope.run(() -> {
            Map<Linear, TorchTensor> loaded = loaded(block.linears());
            each(i -> {
                Map<Linear, TorchTensor> leaves = new LinkedHashMap<>();
                loaded.forEach(
                        (linear, weight) -> leaves.put(linear, weight.detach().requireGrad()));
                TorchWeights watched =
                        new Watched(weights.withLinears(linear -> named(leaves, linear)), moments.get(i));
                TorchTensor stream = state(states, i).requireGrad();
                TorchTensor out = block.forward(new TorchOps(watched), stream);
                out.mul(state(gradients, i)).sum().backward();
                gradients[i] = gradient(stream);
                leaves.forEach((linear, leaf) -> named(squares, linear)[i] = Torch.noGrad(
                        () -> leaf.grad().map(g -> g.square().sum().item()).orElse(0.0)));
            });
            loaded.forEach((linear, weight) -> costs.put(linear, cost(linear, weight.toFloats(), squares, moments)));
        });
        return costs;
    }

    private double cost(
            Linear linear, float[] weight, Map<Linear, double[]> squares, List<Map<Linear, float[]>> moments) {
        double[] moment = new double[linear.inFeatures()];
        for (Map<Linear, float[]> one : moments) {
            float[] part = named(one, linear);
            for (int j = 0; j < moment.length; j++) {
                moment[j] += part[j];
            }
        }
        double energy = 0;
        for (int i = 0; i < weight.length; i++) {
            energy += moment[i % moment.length] * weight[i] * weight[i];
        }
        int tokens = sequences.stream().mapToInt(s -> s.length).sum();
        double gradient = Arrays.stream(named(squares, linear)).sum()
                / Arrays.stream(moment).sum();
        return 0.5 * gradient / linear.outFeatures() * energy / tokens;
    }

    private static <V> V named(Map<Linear, V> values, Linear linear) {
        V value = values.get(linear);
        if (value == null) {
            throw new IllegalStateException(linear.name() + " did not run");
        }
        return value;
    }

    /// The same weights; sums of the squares of what each Linear reads go to `moments`.
    private record Watched(TorchWeights base, Map<Linear, float[]> moments) implements TorchWeights {
        @Override
        public TorchTensor weight(Linear linear) {
            return base.weight(linear);
        }

        @Override
        public @Nullable TorchTensor bias(Linear linear) {
            return base.bias(linear);
        }

        @Override
        public TorchTensor norm(Norm norm) {
            return base.norm(norm);
        }

        @Override
        public TorchTensor embed(Embedding table, int[] tokens) {
            return base.embed(table, tokens);
        }

        @Override
        public List<TorchTensor> inputs(List<Linear> linears, TorchTensor x) {
            float[] sums = Torch.noGrad(() -> x.detach().square().sum(0).toFloats());
            linears.forEach(linear -> moments.put(linear, sums));
            return base.inputs(linears, x);
        }

        @Override
        public KvScheme kv() {
            return base.kv();
        }
    }
}
