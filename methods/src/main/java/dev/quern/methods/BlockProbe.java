package dev.quern.methods;

import dev.quern.models.Block;
import dev.quern.models.Flow;
import dev.quern.models.InputTransform;
import dev.quern.models.Linear;
import dev.quern.models.LinearInput;
import dev.quern.models.Stage;
import dev.quern.torch.Torch;
import dev.quern.torch.TorchInputs;
import dev.quern.torch.TorchOps;
import dev.quern.torch.TorchScope;
import dev.quern.torch.TorchTensor;
import dev.quern.torch.TorchWeights;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.IntConsumer;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/// Part of the calibration text inside one block, on which candidates are judged: what flows into every stage when the
/// block runs in float behind the quantized prefix.
///
/// Errors are mean squares of the residual stream's change, each token's relative to its own residual stream: that is
/// what the next norm leaves of them. So a few tokens with huge activations do not decide alone.
final class BlockProbe {
    private final BlockTask task;
    private final Block block;
    private final int hiddenSize;
    private final int[] sequences;
    /// What flows into each stage, and out of the last, for every sequence.
    private final List<ActivationStream> flows;

    /// What Linears become on trial: their weights `[out, in]` and their common input.
    record Trial(Map<Linear, float[]> weights, LinearInput input) {}

    /// Takes as many of the training sequences, evenly spread, as make up `tokens`, at least one.
    BlockProbe(BlockTask task, int tokens) {
        this(task, pick(task, task.training(), tokens));
    }

    /// The same of the sequences that nothing is learned from.
    static BlockProbe heldOut(BlockTask task, int tokens) {
        return new BlockProbe(task, pick(task, task.heldOut(), tokens));
    }

    private BlockProbe(BlockTask task, int[] sequences) {
        this.task = task;
        this.block = task.block();
        this.hiddenSize = task.network().config().hiddenSize();
        this.sequences = sequences;
        List<int[]> lengths = Arrays.stream(sequences)
                .mapToObj(i -> new int[task.inputs().tokens(i)])
                .toList();
        this.flows = IntStream.rangeClosed(0, block.stages().size())
                .mapToObj(_ -> new ActivationStream(lengths))
                .toList();
        TorchScope.run(() -> {
            TorchOps ops = new TorchOps(task.parameters().torch());
            each(i -> {
                Flow<TorchTensor> flow = new Flow<>(task.quantized(sequences[i]));
                flows.getFirst().set(i, flow);
                for (int s = 0; s < block.stages().size(); s++) {
                    flow = block.stages().get(s).run(ops, flow);
                    flows.get(s + 1).set(i, flow);
                }
            });
        });
    }

    private static int[] pick(BlockTask task, int[] all, int tokens) {
        long each = Math.max(
                1, Arrays.stream(all).mapToLong(task.inputs()::tokens).max().orElse(1));
        int count = (int) Math.clamp(tokens / each, 1, all.length);
        return IntStream.range(0, count).map(k -> all[k * all.length / count]).toArray();
    }

    private void each(IntConsumer body) {
        task.parallel()
                .run(
                        sequences.length,
                        i -> TorchScope.run(() -> Torch.noGrad(() -> {
                            body.accept(i);
                            return i;
                        })));
    }

    /// The place of the stage that holds `linear`.
    private int stage(Linear linear) {
        for (int s = 0; s < block.stages().size(); s++) {
            if (block.stages().get(s).linears().contains(linear)) {
                return s;
            }
        }
        throw new IllegalArgumentException(linear.name() + " is not of this block");
    }

    /// The inputs of the Linear's stage, all tokens in order: `[tokens, inFeatures]`.
    float[] inputs(Linear linear) {
        int s = stage(linear);
        Stage stage = block.stages().get(s);
        float[][] parts = new float[sequences.length][];
        TorchScope.run(() -> {
            TorchOps ops = new TorchOps(task.parameters().torch());
            each(i ->
                    parts[i] = stage.input(ops, flows.get(s).get(i, hiddenSize)).toFloats());
        });
        int total = Arrays.stream(parts).mapToInt(p -> p.length).sum();
        float[] all = new float[total];
        int at = 0;
        for (float[] part : parts) {
            System.arraycopy(part, 0, all, at, part.length);
            at += part.length;
        }
        return all;
    }

    /// The error of the residual stream behind the module (attention or feed-forward) that the trial's Linears stand
    /// in, everything else in float.
    double error(Trial trial) {
        int first = stage(trial.weights.keySet().iterator().next());
        // a module ends where nothing inner flows on
        int last = first;
        while (flows.get(last + 1).hasInner()) {
            last++;
        }
        int end = last;
        return TorchScope.call(() -> {
            BlockWeights weights = task.parameters().tensors();
            trial.weights.forEach((linear, values) -> {
                weights.replace(linear, values);
                weights.setInput(linear, trial.input);
            });
            TorchOps ops = new TorchOps(weights);
            return mean(i -> {
                Flow<TorchTensor> flow = flows.get(first).get(i, hiddenSize);
                for (int s = first; s <= end; s++) {
                    flow = block.stages().get(s).run(ops, flow);
                }
                return error(
                        flow.residual(), flows.get(end + 1).get(i, hiddenSize).residual());
            });
        });
    }

    /// The error of the block's output when `parameters`, which must do the same in float, are held as the target says:
    /// weights rounded to nearest, inputs quantized.
    double heldError(BlockParameters parameters) {
        BlockTarget target = task.target();
        Map<Linear, float[]> rounded = new LinkedHashMap<>();
        for (Linear linear : task.selected()) {
            rounded.put(
                    linear,
                    target.weights()
                            .roundTrip(
                                    parameters.weight(linear),
                                    linear.outFeatures(),
                                    linear.inFeatures(),
                                    task.parallel()));
        }
        // where ranges are stored they must be those of the inputs as these parameters make them
        BlockProbe own =
                target.activations().stored() ? new BlockProbe(task.withParameters(parameters), sequences) : this;
        return TorchScope.call(() -> {
            BlockWeights weights = parameters.tensors();
            rounded.forEach(weights::replace);
            for (Stage stage : block.stages()) {
                List<Linear> held =
                        stage.linears().stream().filter(rounded::containsKey).toList();
                if (!held.isEmpty() && target.activations().quantizes()) {
                    Linear first = held.getFirst();
                    LinearInput input = held(own.inputs(first), first.inFeatures(), parameters.transforms(first));
                    held.forEach(linear -> {
                        weights.setInput(linear, input);
                        float[] weight = parameters.weight(linear);
                        weights.replace(
                                linear,
                                keep(input, weight, Objects.requireNonNull(rounded.get(linear)), linear.inFeatures()));
                    });
                }
            }
            return blockError(weights);
        });
    }

    /// The form that the target wants for inputs like `x [tokens, size]` behind `transforms`.
    LinearInput held(float[] x, int size, List<InputTransform> transforms) {
        ActivationPlan plan = task.target().activations();
        LinearInput perToken = LinearInput.dynamic(plan.perToken()).withTransforms(transforms);
        if (!plan.quantizes()) {
            return perToken;
        }
        if (!plan.stored()) {
            Supplier<float[]> largest =
                    () -> ranges(moved(x, size, transforms), size, new int[0]).largest();
            return perToken.withExact(task.target().weights().exactInputs(largest));
        }
        float[] moved = moved(x, size, transforms);
        int[] exact = task.target()
                .weights()
                .exactInputs(() -> ranges(moved, size, new int[0]).largest());
        return plan.held(ranges(moved, size, exact), range -> {
                    RangeLoss loss = new RangeLoss(plan.scheme(), range);
                    loss.add(moved, size, exact);
                    return loss.serves();
                })
                .withTransforms(transforms)
                .withExact(exact);
    }

    /// `x [tokens, size]` behind `transforms`.
    private static float[] moved(float[] x, int size, List<InputTransform> transforms) {
        LinearInput input = LinearInput.AS_IS.withTransforms(transforms);
        return TorchScope.call(() -> TorchInputs.apply(input, TorchTensor.of(x, x.length / size, size))
                .toFloats());
    }

    private static InputRanges ranges(float[] x, int size, int[] exact) {
        InputRanges ranges = new InputRanges(size, exact);
        ranges.add(x, x.length / size);
        return ranges;
    }

    /// `rounded [out, in]` with the columns of `weight` that `input` keeps out of the codes, in place.
    static float[] keep(LinearInput input, float[] weight, float[] rounded, int cols) {
        for (int column : input.exact()) {
            for (int i = column; i < weight.length; i += cols) {
                rounded[i] = weight[i];
            }
        }
        return rounded;
    }

    /// The error of the block's output when it runs with `weights`, which belong to the open scope.
    double blockError(TorchWeights weights) {
        TorchOps ops = new TorchOps(weights);
        return mean(i -> error(
                block.forward(ops, flows.getFirst().get(i, hiddenSize).residual()),
                flows.getLast().get(i, hiddenSize).residual()));
    }

    private interface Measure {
        double of(int sequence);
    }

    /// Over all tokens, summed in order.
    private double mean(Measure measure) {
        double[] sums = new double[sequences.length];
        each(i -> sums[i] = measure.of(i));
        long tokens = IntStream.range(0, sequences.length)
                .mapToLong(flows.getFirst()::tokens)
                .sum();
        double mean = Arrays.stream(sums).sum() / tokens;
        return Double.isFinite(mean) ? mean : Double.POSITIVE_INFINITY;
    }

    /// The squares of each token's error relative to its own size, summed.
    static double error(TorchTensor found, TorchTensor wanted) {
        TorchTensor gaps = found.sub(wanted).square().mean(-1);
        return gaps.div(wanted.square().mean(-1).add(1e-12)).sum().item();
    }
}
