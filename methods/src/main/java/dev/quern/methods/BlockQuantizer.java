package dev.quern.methods;

import dev.quern.core.OutlierInt8Weight;
import dev.quern.core.PackedWeight;
import dev.quern.models.Block;
import dev.quern.models.Linear;
import dev.quern.models.LinearInput;
import dev.quern.models.Stage;
import dev.quern.models.WeightSource;
import dev.quern.torch.TorchTensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Applies a weight method to the Linears of one block and keeps what came of it.
final class BlockQuantizer<C extends Record> implements CalibratedWalk.StageQuantizer {
    private static final System.Logger LOG = System.getLogger(BlockQuantizer.class.getName());

    private final Step<C> step;
    private final WeightSource source;
    private final @Nullable BlockParameters parameters;
    private final Selection selection;
    private final Parallel parallel;
    private final Phases phases;
    private final long seed;
    private final Optional<Tuning> tuning;
    private final Consumer<String> progress;
    private final Map<Linear, QuantizedLinear> results = new LinkedHashMap<>();
    private final Map<Linear, LinearInput> inputs = new LinkedHashMap<>();

    /// `parameters` are the block as methods transformed it, null where none did; `tuning` tells how what was chosen is
    /// trained.
    BlockQuantizer(
            Step<C> step,
            WeightSource source,
            @Nullable BlockParameters parameters,
            Selection selection,
            Parallel parallel,
            Phases phases,
            long seed,
            Optional<Tuning> tuning,
            Consumer<String> progress) {
        this.step = step;
        this.source = source;
        this.parameters = parameters;
        this.selection = selection;
        this.parallel = parallel;
        this.phases = phases;
        this.seed = seed;
        this.tuning = tuning;
        this.progress = progress;
    }

    @Override
    public boolean wantsMoments(Stage stage) {
        return step.weightMethod().wantsMoments(step.config()) && holdsAny(stage);
    }

    @Override
    public boolean wantsRanges(Stage stage) {
        return step.weightMethod().wantsRanges(step.config()) && holdsAny(stage);
    }

    private boolean holdsAny(Stage stage) {
        return stage.linears().stream().anyMatch(this::holdsInput);
    }

    @Override
    public boolean holdsInput(Linear linear) {
        return selection.contains(linear);
    }

    @Override
    public LinearInput input(Linear linear, LinearInput input) {
        QuantizedLinear result = results.get(linear);
        return result != null && result.weight() instanceof OutlierInt8Weight weight
                ? input.withExact(weight.outliers())
                : input;
    }

    @Override
    public boolean tunes() {
        return tuning.isPresent();
    }

    @Override
    public void tune(Block block, BlockWeights chosen, BlockSamples samples) {
        Map<Linear, TunedWeight> tuned = new LinkedHashMap<>();
        results.forEach(
                (linear, result) -> TunedWeight.of(result.weight()).ifPresent(weight -> tuned.put(linear, weight)));
        if (tuned.isEmpty()) {
            return;
        }
        WeightTraining training = new WeightTraining(
                tuned,
                (i, weights) -> samples.loss(
                        block,
                        chosen.withLinears(linear -> {
                            TorchTensor trained = weights.get(linear);
                            return trained == null ? chosen.weight(linear) : trained;
                        }),
                        i),
                samples.count(),
                parallel,
                (what, _, _) -> progress.accept("tuning block " + block.layer() + ", " + what));
        Tuning plan = tuning.orElseThrow();
        WeightTraining.Outcome outcome =
                phases.call("block training", () -> training.run(plan.epochs(), plan.rate(), TuneJournal.NONE));
        tuned.forEach((linear, trained) -> {
            PackedWeight weight = trained.pack();
            chosen.replace(linear, weight);
            results.computeIfPresent(linear, (_, result) -> tuned(result, weight, outcome));
        });
    }

    private static QuantizedLinear tuned(QuantizedLinear result, PackedWeight weight, WeightTraining.Outcome outcome) {
        List<String> notes = new ArrayList<>(result.notes());
        notes.add(String.format(
                Locale.ROOT,
                "trained with its block, whose held-out loss went from %.3g to %.3g; the error is that of before",
                outcome.before(),
                outcome.after()));
        return new QuantizedLinear(weight, result.relativeError(), result.fallback(), notes);
    }

    @Override
    public void holds(Linear linear, LinearInput input) {
        inputs.put(linear, input);
    }

    @Override
    public Map<Linear, PackedWeight> quantize(Stage stage, @Nullable Hessian hessian, @Nullable InputRanges ranges) {
        Map<Linear, PackedWeight> chosen = new LinkedHashMap<>();
        for (Linear linear : stage.linears()) {
            if (selection.contains(linear)) {
                progress.accept(linear.name());
                QuantizedLinear result = quantize(linear, hessian, ranges);
                results.put(linear, result);
                chosen.put(linear, result.weight());
            }
        }
        return chosen;
    }

    /// Without calibration: all Linears of the stages, whose inputs become `input`.
    void quantizeAll(List<Stage> stages, LinearInput input) {
        for (Stage stage : stages) {
            quantize(stage, null, null);
            stage.linears().stream()
                    .filter(linear -> selection.contains(linear) && !input.isAsIs())
                    .forEach(linear -> holds(linear, input));
        }
    }

    /// In the order of computation.
    Map<Linear, QuantizedLinear> results() {
        return results;
    }

    /// What happens to the Linears' inputs, where something does.
    Map<Linear, LinearInput> inputs() {
        return inputs;
    }

    private QuantizedLinear quantize(Linear linear, @Nullable Hessian hessian, @Nullable InputRanges ranges) {
        float[] values = parameters == null ? BlockParameters.values(source, linear) : parameters.weight(linear);
        LinearTask task = new LinearTask(
                linear.name(),
                linear.outFeatures(),
                linear.inFeatures(),
                values,
                hessian,
                ranges,
                parallel,
                phases,
                seed + linear.index());
        WeightMethod<C> method = step.weightMethod();
        QuantizedLinear result = phases.call(method.name(), () -> method.quantize(task, step.config()));
        if (result.fallback() != null) {
            LOG.log(System.Logger.Level.WARNING, "{0}: fell back to {1}", linear.name(), result.fallback());
        }
        return result;
    }
}
