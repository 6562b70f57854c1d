package dev.quern.methods;

import dev.quern.core.QuernException;
import dev.quern.core.UsageException;
import dev.quern.formats.TensorPlan;
import dev.quern.methods.Plan.PlannedLayer;
import dev.quern.models.Linear;
import dev.quern.models.ModelConfig;
import dev.quern.models.Network;
import dev.quern.models.WeightSource;
import java.util.List;
import java.util.Locale;

/// Works out a `Plan`: checks every shape, counts bytes, estimates memory and time.
final class Plans {
    /// Float operations a second of one core, as a floor of what machines of the last ten years do in float32
    /// products.
    private static final double CORE_FLOPS = 6e10;

    private Plans() {}

    static Plan of(Network network, WeightSource source, Selection selection, Recipe recipe, PipelineOptions options) {
        return of(network, source, selection, recipe, recipe.last(), options);
    }

    private static <C extends Record> Plan of(
            Network network,
            WeightSource source,
            Selection selection,
            Recipe recipe,
            Step<C> step,
            PipelineOptions options) {
        WeightMethod<C> method = step.weightMethod();
        WeightFormat format = method.format(step.config());
        List<PlannedLayer> layers = selection.chosen().stream()
                .map(linear -> layer(linear, format, source))
                .toList();
        long quantized = layers.stream().mapToLong(PlannedLayer::bytes).sum();
        long weights =
                layers.stream().mapToLong(l -> (long) l.rows() * l.cols()).sum();
        long kept = new KeptTensors(network, source)
                .plans(selection.excluded()).stream()
                        .mapToLong(TensorPlan::bytes)
                        .sum();
        long tokens = tokens(recipe, options);
        int streams = recipe.transformsCalibrated() ? 3 : method.wantsDrift(step.config()) ? 2 : 1;
        boolean moments = method.wantsMoments(step.config());
        Plan plan = new Plan(
                recipe.name(),
                format + ", activations " + recipe.activations() + ", kv" + RecipeKeys.kvBits(recipe.kv()),
                layers,
                selection.excluded().stream().map(Linear::name).toList(),
                kept,
                quantized + kept,
                8.0 * quantized / weights,
                memory(network, tokens, streams, moments, !recipe.transforms().isEmpty(), options),
                tokens,
                seconds(
                        network,
                        weights,
                        tokens,
                        streams,
                        moments,
                        recipe.transforms().size(),
                        options.threads()),
                format.bill(selection.chosen()));
        requireBudget(plan, options.memoryBudget());
        return plan;
    }

    private static PlannedLayer layer(Linear linear, WeightFormat format, WeightSource source) {
        if (!source.has(linear.weightName())) {
            throw new QuernException(linear.weightName() + ": missing from the checkpoint");
        }
        format.check(linear.name(), linear.outFeatures(), linear.inFeatures());
        return new PlannedLayer(
                linear.name(),
                linear.outFeatures(),
                linear.inFeatures(),
                format.bytes(linear.name(), linear.outFeatures(), linear.inFeatures()));
    }

    private static long tokens(Recipe recipe, PipelineOptions options) {
        if (!recipe.calibrated()) {
            return 0;
        }
        PipelineOptions.CalibrationSource source = options.calibration();
        if (source == null) {
            throw new UsageException(recipe.name()
                    + " needs text to calibrate on: --calibration FILE (some hundred kilobytes of plain text)");
        }
        return (long) source.samples() * source.seqLen();
    }

    /// Streams of activations (residual and widest inner value), moments of the widest Linear in float64 with their
    /// factors, weights of a block, and the JVM with its native libraries.
    private static long memory(
            Network network, long tokens, int streams, boolean moments, boolean transforms, PipelineOptions options) {
        long widest =
                network.linears().stream().mapToLong(Linear::inFeatures).max().orElse(0);
        long block = network.blocks().getFirst().linears().stream()
                .mapToLong(l -> 4L * l.inFeatures() * l.outFeatures())
                .max()
                .orElse(0);
        // methods that transform hold the block as floats three times: now, before, and as tensors
        long base = (400L << 20) + (transforms ? block * 24 : 0);
        if (tokens == 0) {
            return base + block * 4;
        }
        long flows = tokens * streams * 4 * (network.config().hiddenSize() + widest);
        long square = moments ? 8 * widest * widest * 7 : 0;
        return base + flows + square + block * 12 + (64L << 20) * options.threads();
    }

    private static double seconds(
            Network network,
            long weights,
            long tokens,
            int streams,
            boolean wantsMoments,
            int transforms,
            int threads) {
        ModelConfig config = network.config();
        double search = 4e-7 * weights / threads;
        if (tokens == 0) {
            return 1 + search;
        }
        // a search tries some thirty candidates on part of the text
        double forward = 2.0 * weights * tokens * (streams + 10.0 * transforms);
        if (!wantsMoments) {
            return 5 + config.nLayers() * 0.1 + search * (1 + 10 * transforms) + forward / (CORE_FLOPS * threads);
        }
        double moments = network.linears().stream()
                .mapToDouble(l -> (double) l.inFeatures() * l.inFeatures())
                .sum();
        double gathered = 0.4 * moments * tokens * (streams == 2 ? 3 : 1);
        double solved = network.linears().stream()
                .mapToDouble(l -> 10.0 * l.outFeatures() * l.inFeatures() * l.inFeatures())
                .sum();
        return 5
                + config.nLayers() * 0.1
                + search
                + (forward + gathered) / (CORE_FLOPS * threads)
                + solved / (2e9 * threads);
    }

    private static void requireBudget(Plan plan, long budget) {
        if (budget > 0 && plan.memoryBytes() > budget) {
            throw new QuernException(String.format(
                    Locale.ROOT,
                    "the memory budget of %.1f GB is too small: about %.1f GB are needed; use fewer or shorter samples",
                    budget / 1e9,
                    plan.memoryBytes() / 1e9));
        }
    }
}
