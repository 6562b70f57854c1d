package dev.quern.methods;

import dev.quern.core.KvScheme;
import dev.quern.core.PackedWeight;
import dev.quern.core.QuantParams;
import dev.quern.models.Block;
import dev.quern.models.Flow;
import dev.quern.models.Linear;
import dev.quern.models.LinearInput;
import dev.quern.models.Network;
import dev.quern.models.Stage;
import dev.quern.models.WeightSource;
import dev.quern.torch.Torch;
import dev.quern.torch.TorchInputs;
import dev.quern.torch.TorchOps;
import dev.quern.torch.TorchScope;
import dev.quern.torch.TorchTensor;
import dev.quern.torch.TorchWeights;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/// Carries the calibration sequences through a network, stage by stage, in the quantized model and, where a method
/// wants to know, in the float model beside it.
///
/// Each stage's Linears are chosen from inputs that all earlier, already quantized Linears produced ("true
/// sequential"), held as the recipe wants activations to be held, and then one pass takes the sequences on with what
/// was chosen. Sequences are spread over the workers; sums have a fixed order, so results do not depend on how many
/// there are.
final class CalibratedWalk implements BlockInputs {
    /// What its time is told as: running the text through the model.
    static final String PHASE = "calibration";

    /// Tokens whose inputs are in memory at a time while moments are gathered.
    private static final int CHUNK_TOKENS = 2048;

    /// What is run beside the quantized model, and how that holds activations and the KV cache. `drift`: the float
    /// model's inputs of each stage; `floats`: the float model's inputs of each block.
    record Wants(boolean drift, boolean floats, ActivationPlan activations, KvScheme kv) {}

    /// Chooses the weights of one stage.
    interface StageQuantizer {
        /// True where `quantize` wants the moments of the stage's inputs.
        boolean wantsMoments(Stage stage);

        /// True where `quantize` wants the ranges of the stage's inputs.
        boolean wantsRanges(Stage stage);

        /// The stored forms of those Linears of the stage that are to be replaced.
        Map<Linear, PackedWeight> quantize(Stage stage, @Nullable Hessian hessian, @Nullable InputRanges ranges);

        /// Told what happens to each Linear's input, `float` ones left out.
        void holds(Linear linear, LinearInput input);

        /// True where the Linear's input may be quantized.
        boolean holdsInput(Linear linear);

        /// The input of `linear` given its weight: some keep columns as floats.
        LinearInput input(Linear linear, LinearInput input);

        /// True where the block is trained once all of its stages are chosen; needs the float model beside.
        boolean tunes();

        /// Trains what was chosen of `block`, and puts it into `chosen`.
        void tune(Block block, BlockWeights chosen, BlockSamples samples);
    }

    private final Network network;
    private final WeightSource source;
    private final Wants wants;
    private final ActivationStream stream;
    private final @Nullable ActivationStream reference;
    private final Parallel parallel;
    private final Phases phases;
    private final int hiddenSize;
    /// The inputs of a chunk of tokens, used again for every one.
    private float[] inputs = {};
    private float[] exactInputs = {};

    CalibratedWalk(
            Network network,
            WeightSource source,
            CalibrationSet calibration,
            Wants wants,
            Parallel parallel,
            Phases phases) {
        this.network = network;
        this.source = source;
        this.wants = wants;
        this.stream = new ActivationStream(calibration.sequences());
        this.reference = wants.drift || wants.floats ? new ActivationStream(calibration.sequences()) : null;
        this.parallel = parallel;
        this.phases = phases;
        this.hiddenSize = network.config().hiddenSize();
        embed(calibration.sequences());
    }

    private CalibratedWalk(CalibratedWalk from, int[] sequences) {
        this.network = from.network;
        this.source = from.source;
        this.wants = from.wants;
        this.stream = from.stream.copy(sequences);
        this.reference = from.reference == null ? null : from.reference.copy(sequences);
        this.parallel = from.parallel;
        this.phases = from.phases;
        this.hiddenSize = from.hiddenSize;
    }

    /// A walk of its own that stands where this one does, with some of its sequences.
    CalibratedWalk fork(int[] sequences) {
        return new CalibratedWalk(this, sequences);
    }

    private void embed(List<int[]> sequences) {
        TorchOps ops = new TorchOps(TorchWeights.streaming(source));
        each(i -> {
            Flow<TorchTensor> flow = new Flow<>(ops.embed(network.embedding(), sequences.get(i)));
            stream.set(i, flow);
            if (reference != null) {
                reference.set(i, flow);
            }
        });
    }

    @Override
    public int sequences() {
        return stream.sequences();
    }

    @Override
    public int tokens(int i) {
        return stream.tokens(i);
    }

    @Override
    public TorchTensor exact(int i) {
        return requireReference().get(i, hiddenSize).residual();
    }

    @Override
    public TorchTensor quantized(int i) {
        return stream.get(i, hiddenSize).residual();
    }

    private ActivationStream requireReference() {
        if (reference == null) {
            throw new IllegalStateException("the float model was not run: no method of the recipe asked for it");
        }
        return reference;
    }

    /// Takes the sequences through `block`, whose Linears `quantizer` replaces on the way; `parameters`
    /// is the block in float as methods transformed it, null where none did.
    void advance(Block block, @Nullable BlockParameters parameters, StageQuantizer quantizer) {
        TorchScope.run(() -> {
            BlockWeights exact = new BlockWeights(block, source);
            BlockWeights floats = parameters == null ? exact : new BlockWeights(parameters, source);
            List<float[]> outputs = parameters == null ? List.of() : outputs(block, exact);
            BlockWeights chosen = floats.copy();
            chosen.setKv(wants.kv);
            TorchOps ops = new TorchOps(chosen);
            TorchOps floatOps = new TorchOps(floats);
            boolean beside = reference != null && (parameters == null || wants.drift);
            List<float[]> begun = quantizer.tunes() ? values(stream) : List.of();
            for (Stage stage : block.stages()) {
                choose(stage, quantizer, chosen, floats);
                each(i -> {
                    stream.set(i, stage.run(ops, stream.get(i, hiddenSize)));
                    if (beside) {
                        requireReference()
                                .set(i, stage.run(floatOps, requireReference().get(i, hiddenSize)));
                    }
                });
            }
            for (int i = 0; i < outputs.size(); i++) {
                requireReference().restore(i, outputs.get(i));
            }
            if (quantizer.tunes()) {
                quantizer.tune(block, chosen, new BlockSamples(begun, values(requireReference()), hiddenSize));
                for (int i = 0; i < begun.size(); i++) {
                    stream.restore(i, begun.get(i));
                }
                each(i -> stream.set(i, new Flow<>(block.forward(ops, quantized(i)))));
            }
        });
    }

    /// How far the quantized model's residual stream is from the float model's in some of the sequences: the mean over
    /// their tokens of the error's square relative to the token's own.
    double error(int[] some) {
        double[] sums = new double[some.length];
        run(some.length, k -> sums[k] = BlockProbe.error(quantized(some[k]), exact(some[k])));
        double mean = Arrays.stream(sums).sum()
                / Arrays.stream(some).mapToLong(this::tokens).sum();
        return Double.isFinite(mean) ? mean : Double.POSITIVE_INFINITY;
    }

    /// The residual stream of every sequence.
    private List<float[]> values(ActivationStream of) {
        float[][] values = new float[sequences()][];
        each(i -> values[i] = of.get(i, hiddenSize).residual().toFloats());
        return List.of(values);
    }

    /// Takes the sequences through a block that was finished before; `restore` puts the chosen weights in their
    /// place.
    void replay(Block block, Consumer<BlockWeights> restore) {
        TorchScope.run(() -> {
            BlockWeights exact = new BlockWeights(block, source);
            List<float[]> outputs = outputs(block, exact);
            BlockWeights chosen = exact.copy();
            restore.accept(chosen);
            chosen.setKv(wants.kv);
            TorchOps ops = new TorchOps(chosen);
            each(i -> stream.set(i, new Flow<>(block.forward(ops, quantized(i)))));
            for (int i = 0; i < outputs.size(); i++) {
                requireReference().restore(i, outputs.get(i));
            }
        });
    }

    /// What the float model's block makes of its inputs; empty where it is not run.
    private List<float[]> outputs(Block block, BlockWeights exact) {
        if (reference == null) {
            return List.of();
        }
        float[][] outputs = new float[sequences()][];
        TorchOps ops = new TorchOps(exact);
        each(i -> outputs[i] = block.forward(ops, exact(i)).toFloats());
        return List.of(outputs);
    }

    private void choose(Stage stage, StageQuantizer quantizer, BlockWeights chosen, BlockWeights floats) {
        boolean stored = wants.activations.stored() && stage.linears().stream().anyMatch(quantizer::holdsInput);
        TorchOps ops = new TorchOps(chosen);
        InputRanges ranges = stored || quantizer.wantsRanges(stage)
                ? measure(stage, ops, chosen.input(stage.linears().getFirst()), new int[0])
                : null;
        Map<LinearInput, LinearInput> held = new IdentityHashMap<>();
        for (Linear linear : stage.linears()) {
            if (quantizer.holdsInput(linear)) {
                chosen.setInput(
                        linear, held.computeIfAbsent(chosen.input(linear), input -> held(stage, ops, input, ranges)));
            }
        }
        Hessian hessian =
                quantizer.wantsMoments(stage) ? phases.call("moments", () -> gather(stage, chosen, floats)) : null;
        quantizer.quantize(stage, hessian, ranges).forEach(chosen::replace);
        Map<LinearInput, LinearInput> adjusted = new IdentityHashMap<>();
        for (Linear linear : stage.linears()) {
            LinearInput input = adjusted.computeIfAbsent(
                    chosen.input(linear), plain -> ranged(stage, ops, quantizer.input(linear, plain)));
            chosen.setInput(linear, input);
            if (!input.isAsIs()) {
                quantizer.holds(linear, input);
            }
        }
    }

    /// The input behind the same transforms, held as the recipe wants.
    private LinearInput held(Stage stage, TorchOps ops, LinearInput input, @Nullable InputRanges ranges) {
        if (!wants.activations.quantizes()) {
            return input;
        }
        return ranges == null || !wants.activations.stored()
                ? LinearInput.dynamic(wants.activations.scheme()).withTransforms(input.transforms())
                : stored(stage, ops, input, ranges);
    }

    /// `input` with the range of the columns that are not exact.
    private LinearInput ranged(Stage stage, TorchOps ops, LinearInput input) {
        if (!wants.activations.stored() || !input.scheme().quantizes() || input.exact().length == 0) {
            return input;
        }
        LinearInput plain = LinearInput.AS_IS.withTransforms(input.transforms());
        return stored(stage, ops, input, measure(stage, ops, plain, input.exact()));
    }

    /// `input` with the stored range that `ranges` give, or with a range for each token where that will not do.
    private LinearInput stored(Stage stage, TorchOps ops, LinearInput input, InputRanges ranges) {
        return wants.activations
                .held(ranges, range -> serves(stage, ops, input, range))
                .withTransforms(input.transforms())
                .withExact(input.exact());
    }

    private boolean serves(Stage stage, TorchOps ops, LinearInput input, QuantParams range) {
        int size = stage.linears().getFirst().inFeatures();
        LinearInput plain = LinearInput.AS_IS.withTransforms(input.transforms());
        RangeLoss[] each = new RangeLoss[sequences()];
        each(i -> {
            each[i] = new RangeLoss(wants.activations.scheme(), range);
            each[i].add(values(stage, ops, plain, i), size, input.exact());
        });
        RangeLoss all = new RangeLoss(wants.activations.scheme(), range);
        for (RangeLoss one : each) {
            all.merge(one);
        }
        return all.serves();
    }

    /// Of the stage's inputs behind `input`, those in columns `exact` left out.
    private InputRanges measure(Stage stage, TorchOps ops, LinearInput input, int[] exact) {
        int size = stage.linears().getFirst().inFeatures();
        InputRanges[] each = new InputRanges[sequences()];
        each(i -> {
            each[i] = new InputRanges(size, exact);
            each[i].add(values(stage, ops, input, i), stream.tokens(i));
        });
        InputRanges all = new InputRanges(size, exact);
        for (InputRanges one : each) {
            all.merge(one);
        }
        return all;
    }

    /// The stage's inputs behind `input` for sequence `i`.
    private float[] values(Stage stage, TorchOps ops, LinearInput input, int i) {
        return TorchInputs.apply(input, stage.input(ops, stream.get(i, hiddenSize)))
                .toFloats();
    }

    private Hessian gather(Stage stage, BlockWeights chosen, BlockWeights floats) {
        Linear first = stage.linears().getFirst();
        TorchOps ops = new TorchOps(chosen);
        TorchOps floatOps = new TorchOps(floats);
        int size = first.inFeatures();
        boolean drift = wants.drift;
        HessianSum sum = new HessianSum(size, drift, parallel);
        int count = stream.sequences();
        for (int from = 0; from < count; ) {
            int to = from + 1;
            int rows = stream.tokens(from);
            while (to < count && rows + stream.tokens(to) <= CHUNK_TOKENS) {
                rows += stream.tokens(to++);
            }
            inputs = grown(inputs, Math.multiplyExact(rows, size));
            exactInputs = drift ? grown(exactInputs, rows * size) : exactInputs;
            float[] chunk = inputs;
            float[] exactChunk = exactInputs;
            int start = from;
            run(to - from, k -> {
                int offset = 0;
                for (int i = start; i < start + k; i++) {
                    offset += stream.tokens(i) * size;
                }
                TorchTensor x = stage.input(ops, stream.get(start + k, hiddenSize));
                TorchInputs.apply(chosen.input(first), x).copyTo(chunk, offset);
                if (drift) {
                    TorchTensor exact = stage.input(floatOps, requireReference().get(start + k, hiddenSize));
                    TorchInputs.apply(floats.input(first), exact).copyTo(exactChunk, offset);
                }
            });
            sum.add(chunk, drift ? exactChunk : null, rows);
            from = to;
        }
        return sum.finish();
    }

    private static float[] grown(float[] array, int length) {
        return array.length >= length ? array : new float[length];
    }

    private void each(IntConsumer body) {
        run(stream.sequences(), body);
    }

    private void run(int tasks, IntConsumer body) {
        phases.run(
                PHASE,
                () -> parallel.run(
                        tasks,
                        task -> TorchScope.run(() -> Torch.noGrad(() -> {
                            body.accept(task);
                            return task;
                        }))));
    }
}
