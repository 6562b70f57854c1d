package dev.quern.methods;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.Progress;
import dev.quern.core.QuernException;
import dev.quern.core.UsageException;
import dev.quern.formats.TensorPlan;
import dev.quern.formats.Written;
import dev.quern.kernels.Workers;
import dev.quern.methods.BlockTransformer.Transformed;
import dev.quern.models.Block;
import dev.quern.models.Checkpoint;
import dev.quern.models.ConvertType;
import dev.quern.models.LinearInput;
import dev.quern.models.Network;
import dev.quern.models.WeightSource;
import dev.quern.text.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Takes a model through a recipe, block by block: calibration, progress, journal, resume, atomic output,
/// verification.
///
/// Peak memory does not grow with the model's depth: weights stream from the memory map, finished blocks go to the
/// journal's folder, and only the calibration activations of the place where the run stands are kept. A killed run
/// resumes at the block it was in and gives the same bytes as an uninterrupted one.
public final class Pipeline {
    private static final System.Logger LOG = System.getLogger(Pipeline.class.getName());

    /// Where no calibration text is run.
    private static final BlockInputs NO_INPUTS = new CalibrationFree();

    /// About how many hundredths of a block's time the methods that transform take.
    private static final int TRANSFORMED = 80;

    private static final String COSTS = "costs of errors";
    private static final String WRITING = "writing";
    private static final String VERIFYING = "verifying";

    private final Path model;
    private final Path output;
    /// As given, until the model is known.
    private Recipe recipe;

    private final PipelineOptions options;

    /// The calibration text, once it was read.
    private @Nullable CalibrationSet text;

    /// `model` is a directory or a .gguf file; `output` a directory to be made, or a .gguf file.
    public Pipeline(Path model, Path output, Recipe recipe, PipelineOptions options) {
        this.model = model;
        this.output = output;
        this.recipe = recipe;
        this.options = options;
    }

    /// Checks everything that can be checked before work starts.
    public Plan plan() {
        return plan(Progress.NONE);
    }

    /// The same; a plan that measures what errors cost says how far it is.
    public Plan plan(Progress progress) {
        try (Checkpoint checkpoint = Checkpoint.open(model);
                Workers workers = Workers.of(options.threads())) {
            return plan(checkpoint, workers, new Phases(), progress);
        }
    }

    private Plan plan(Checkpoint checkpoint, Workers workers, Phases phases, Progress progress) {
        if (GgufOutput.wanted(output)) {
            GgufOutput.type(output, format(recipe.last()));
            if (recipe.activations().quantizes() || recipe.kv().quantizes()) {
                throw new UsageException(output + ": GGUF cannot say how activations and the KV cache are held; write a"
                        + " directory, or leave act-bits and kv-bits at 16");
            }
        }
        Network network = checkpoint.network();
        Selection selection = Selection.of(network, options.exclude());
        requireHeadKept(network);
        recipe = recipe.planned(selection.chosen(), () -> {
            CalibrationSet calibration = calibration(checkpoint);
            return calibration == null
                    ? Map.of()
                    : phases.call(
                            COSTS,
                            () -> ErrorCosts.measure(
                                    network,
                                    checkpoint.weights(),
                                    calibration.sequences(),
                                    options.seed(),
                                    workers::run,
                                    progress));
        });
        return Plans.of(network, checkpoint.weights(), selection, recipe, options);
    }

    private void requireHeadKept(Network network) {
        if (!options.keepHead()) {
            throw new UsageException(
                    network.tied()
                            ? "the head shares the embedding's weights and stays as it is; leave --keep-head on"
                            : "quantizing the head is not supported yet; leave --keep-head on");
        }
    }

    /// Does the work; `progress` counts blocks in hundredths.
    public QuantizeReport run(Progress progress) {
        Phases phases = new Phases();
        requireFreeOutput();
        progress.at("checking the model", 0, 1);
        try (Checkpoint checkpoint = Checkpoint.open(model);
                Workers workers = Workers.of(options.threads())) {
            plan(checkpoint, workers, phases, progress);
            @Nullable CalibrationSet calibration = calibration(checkpoint);
            ObjectNode fingerprint = Fingerprint.of(model, recipe, options, calibration);
            try (Journal journal = Journal.open(output, fingerprint, options.resume(), options.overwrite())) {
                Run<?> run = new Run<>(checkpoint, recipe.last(), calibration, journal, workers::run, phases, progress);
                run.blocks();
                return run.finish(fingerprint);
            }
        }
    }

    private void requireFreeOutput() {
        if (Files.exists(output.resolve(QuantizedOutput.MANIFEST)) && !options.overwrite() && !options.resume()) {
            throw new QuernException(output + ": holds a finished model; choose another output or --overwrite it");
        }
        if (Files.exists(output) && !options.overwrite() && !options.resume() && !isEmpty()) {
            throw new QuernException(output + ": exists already; choose another output or --overwrite it");
        }
    }

    private boolean isEmpty() {
        String[] names = output.toFile().list();
        return names != null && names.length == 0;
    }

    private @Nullable CalibrationSet calibration(Checkpoint checkpoint) {
        PipelineOptions.CalibrationSource source = options.calibration();
        if (text == null && source != null && recipe.calibrated()) {
            try (Tokenizer tokenizer = checkpoint.tokenizer()) {
                text = CalibrationSet.read(source, tokenizer, options.seed());
            }
        }
        return text;
    }

    private static <C extends Record> WeightFormat format(Step<C> step) {
        return step.weightMethod().format(step.config());
    }

    /// One run over an open model.
    private final class Run<C extends Record> {
        private final Checkpoint checkpoint;
        private final Network network;
        private final WeightSource source;
        private final Selection selection;
        private final Step<C> step;
        private final @Nullable CalibrationSet calibration;
        private final Journal journal;
        private final Parallel parallel;
        private final Phases phases;
        private final Progress progress;
        private final QuantizedLayout layout;
        private final BlockTransformer transformer;

        Run(
                Checkpoint checkpoint,
                Step<C> step,
                @Nullable CalibrationSet calibration,
                Journal journal,
                Parallel parallel,
                Phases phases,
                Progress progress) {
            this.checkpoint = checkpoint;
            this.network = checkpoint.network();
            this.source = checkpoint.weights();
            this.selection = Selection.of(network, options.exclude());
            this.step = step;
            this.calibration = calibration;
            this.journal = journal;
            this.parallel = parallel;
            this.phases = phases;
            this.progress = progress;
            this.layout = new QuantizedLayout(recipe, selection);
            WeightMethod<C> method = step.weightMethod();
            this.transformer = new BlockTransformer(
                    network,
                    source,
                    recipe,
                    selection,
                    new BlockTarget(
                            method.format(step.config()),
                            recipe.activations(),
                            recipe.kv(),
                            method.wantsMoments(step.config())),
                    parallel,
                    phases,
                    options.seed());
        }

        private long total() {
            return network.blocks().size() * 100L + 100;
        }

        /// Quantizes the blocks that the journal does not hold yet.
        void blocks() {
            int finished = journal.entries().size();
            if (finished > 0) {
                LOG.log(System.Logger.Level.INFO, "{0} blocks were finished before; going on from there", finished);
            }
            if (finished == network.blocks().size()) {
                return;
            }
            if (calibration == null) {
                LinearInput input = LinearInput.dynamic(recipe.activations().scheme());
                for (Block block :
                        network.blocks().subList(finished, network.blocks().size())) {
                    Transformed transformed = transformer.transform(block, NO_INPUTS, null, told(block));
                    BlockQuantizer<C> quantizer = quantizer(block, transformed);
                    quantizer.quantizeAll(block.stages(), input);
                    finish(quantizer, transformed);
                }
                return;
            }
            CalibratedWalk walk = phases.call(
                    CalibratedWalk.PHASE,
                    () -> new CalibratedWalk(network, source, calibration, wants(), parallel, phases));
            for (Block block : network.blocks()) {
                if (block.layer() < finished) {
                    replay(walk, block);
                } else {
                    Transformed transformed = transformer.transform(block, walk, trial(walk, block), told(block));
                    BlockQuantizer<C> quantizer = quantizer(block, transformed);
                    phases.run(CalibratedWalk.PHASE, () -> walk.advance(block, transformed.parameters(), quantizer));
                    finish(quantizer, transformed);
                    // a block's arrays grow old and die together; unasked, the collector lets them pile up to the
                    // heap's end
                    System.gc();
                }
                block.linears().forEach(l -> Mapped.release(source.weight(l.weightName())));
            }
        }

        private CalibratedWalk.Wants wants() {
            boolean drift = step.weightMethod().wantsDrift(step.config());
            boolean tunes = step.weightMethod().tuning(step.config()).isPresent();
            return new CalibratedWalk.Wants(
                    drift, recipe.transformsCalibrated() || tunes, recipe.activations(), recipe.kv());
        }

        /// Says how far the methods that transform are with a block; never less than before, though one begins anew.
        private BlockStatus told(Block block) {
            long[] furthest = {block.layer() * 100L};
            return (what, share) -> {
                furthest[0] = Math.max(furthest[0], block.layer() * 100L + Math.round(TRANSFORMED * share));
                progress.at(what, furthest[0], total());
            };
        }

        /// Where a method that knows the inputs' moments follows ones that transform.
        private @Nullable BlockTrial trial(CalibratedWalk walk, Block block) {
            boolean grouped = step.weightMethod().format(step.config()) instanceof WeightFormat.Grouped;
            return grouped
                            && recipe.transformsCalibrated()
                            && step.weightMethod().wantsMoments(step.config())
                    ? new WalkedTrial(
                            walk,
                            block,
                            candidate -> new BlockQuantizer<>(
                                    step,
                                    source,
                                    candidate,
                                    selection,
                                    parallel,
                                    phases,
                                    options.seed(),
                                    Optional.empty(),
                                    _ -> {}))
                    : null;
        }

        private BlockQuantizer<C> quantizer(Block block, Transformed transformed) {
            long before = block.layer() * 100L;
            int[] done = {0};
            int count = block.linears().size();
            int begin = recipe.transforms().isEmpty() ? 0 : TRANSFORMED;
            return new BlockQuantizer<>(
                    step,
                    source,
                    transformed.parameters(),
                    selection,
                    parallel,
                    phases,
                    options.seed(),
                    step.weightMethod().tuning(step.config()),
                    what -> progress.at(
                            what, before + begin + (100L - begin) * Math.min(done[0]++, count - 1) / count, total()));
        }

        private void finish(BlockQuantizer<C> quantizer, Transformed transformed) {
            List<LayerReport> layers = quantizer.results().entrySet().stream()
                    .map(e -> LayerReport.of(e.getKey().name(), e.getValue()))
                    .toList();
            List<TensorPlan> tensors = new ArrayList<>(layout.plans(quantizer.results(), quantizer.inputs()));
            if (transformed.parameters() != null) {
                tensors.addAll(EditedTensors.plans(transformed.parameters(), source, selection));
            }
            phases.run(
                    WRITING,
                    () -> journal.add(tensors, layout.metadata(quantizer.inputs()), layers, transformed.reports()));
        }

        /// Carries the calibration activations through a block that was finished before the kill.
        private void replay(CalibratedWalk walk, Block block) {
            progress.at(
                    "replaying finished blocks",
                    block.layer(),
                    journal.entries().size());
            try (StoredBlocks stored =
                    layout.open(journal.entries().get(block.layer()).part())) {
                phases.run(CalibratedWalk.PHASE, () -> walk.replay(block, weights -> stored.restore(block, weights)));
            }
        }

        QuantizeReport finish(ObjectNode fingerprint) {
            progress.at("writing", total() - 100, total());
            boolean gguf = GgufOutput.wanted(output);
            Path directory = gguf ? journal.directory(output) : output;
            QuantizedOutput out = new QuantizedOutput(checkpoint, directory, recipe, layout, selection);
            List<Written> files = phases.call(WRITING, () -> out.write(journal, fingerprint));
            progress.at("verifying", total() - 50, total());
            boolean verified = phases.call(VERIFYING, () -> out.verify(journal));
            if (!verified) {
                throw new QuernException(output + ": what was read back differs from what was written; the disk or its"
                        + " memory is at fault, so check both and run again with --resume");
            }
            long weightBytes = QuantizedOutput.weightBytes(files);
            long bytes = files.stream().mapToLong(Written::bytes).sum();
            if (gguf) {
                ConvertType type = GgufOutput.type(output, Pipeline.format(step));
                bytes = phases.call(
                        WRITING,
                        () -> GgufOutput.write(
                                directory, output, type, (what, _, _) -> progress.at(what, total() - 40, total())));
                weightBytes = bytes;
                phases.run(VERIFYING, () -> GgufOutput.verify(directory, output, selection.chosen(), type));
            }
            ShortDivergence divergence;
            try (Checkpoint written = Checkpoint.open(output)) {
                divergence = phases.call(
                        VERIFYING,
                        () -> ShortDivergence.of(
                                written,
                                checkpoint,
                                (what, done, _) -> progress.at(what, total() - 30 + 10 * done, total())));
            }
            QuantizeReport report =
                    out.report(output, journal, bytes, weightBytes, phases.all(), PeakMemory.bytes(), divergence);
            journal.discard();
            progress.at("done", total(), total());
            return report;
        }
    }
}
