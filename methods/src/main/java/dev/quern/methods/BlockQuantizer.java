package dev.quern.methods;

import dev.quern.core.PackedWeight;
import dev.quern.core.Progress;
import dev.quern.models.Linear;
import dev.quern.models.Stage;
import dev.quern.models.WeightSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Applies a weight method to the Linears of one block and keeps what came of it.
final class BlockQuantizer<C extends Record> implements CalibratedWalk.StageQuantizer {
    private static final System.Logger LOG = System.getLogger(BlockQuantizer.class.getName());

    private final Step<C> step;
    private final WeightSource source;
    private final Selection selection;
    private final Parallel parallel;
    private final long seed;
    private final Consumer<String> progress;
    private final Map<Linear, QuantizedLinear> results = new LinkedHashMap<>();

    BlockQuantizer(
            Step<C> step,
            WeightSource source,
            Selection selection,
            Parallel parallel,
            long seed,
            Consumer<String> progress) {
        this.step = step;
        this.source = source;
        this.selection = selection;
        this.parallel = parallel;
        this.seed = seed;
        this.progress = progress;
    }

    @Override
    public boolean wantsStatistics(Stage stage) {
        return weightMethod().calibrated(step.config())
                && stage.linears().stream().anyMatch(selection.chosen()::contains);
    }

    @Override
    public Map<Linear, PackedWeight> quantize(Stage stage, @Nullable Hessian hessian) {
        Map<Linear, PackedWeight> chosen = new LinkedHashMap<>();
        for (Linear linear : stage.linears()) {
            if (selection.chosen().contains(linear)) {
                progress.accept(linear.name());
                QuantizedLinear result = quantize(linear, hessian);
                results.put(linear, result);
                chosen.put(linear, result.weight());
            }
        }
        return chosen;
    }

    /// Without calibration: all Linears of the stages.
    void quantizeAll(List<Stage> stages) {
        stages.forEach(stage -> quantize(stage, null));
    }

    /// In the order of computation.
    Map<Linear, QuantizedLinear> results() {
        return results;
    }

    private WeightMethod<C> weightMethod() {
        return step.weightMethod();
    }

    private QuantizedLinear quantize(Linear linear, @Nullable Hessian hessian) {
        float[] values = BlockParameters.values(source, linear);
        LinearTask task = new LinearTask(
                linear.name(),
                linear.outFeatures(),
                linear.inFeatures(),
                values,
                hessian,
                parallel,
                seed + linear.index());
        QuantizedLinear result = weightMethod().quantize(task, step.config());
        if (result.fallback() != null) {
            LOG.log(System.Logger.Level.WARNING, "{0}: fell back to {1}", linear.name(), result.fallback());
        }
        return result;
    }

    static Consumer<String> telling(Progress progress, long done, long total) {
        return name -> progress.at(name, done, total);
    }
}
