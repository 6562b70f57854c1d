package dev.quern.methods;

import dev.quern.core.NumericException;
import dev.quern.models.Block;
import dev.quern.models.Network;
import dev.quern.models.WeightSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Takes a block through the methods of a recipe that transform.
///
/// A method that fails or leaves a number that is not finite is undone: the block goes on as it was, and the report
/// says so. So a run of hours does not end for one block.
final class BlockTransformer {
    private static final System.Logger LOG = System.getLogger(BlockTransformer.class.getName());

    private final Network network;
    private final WeightSource source;
    private final Recipe recipe;
    private final Selection selection;
    private final BlockTarget target;
    private final Parallel parallel;
    private final Phases phases;
    private final long seed;

    BlockTransformer(
            Network network,
            WeightSource source,
            Recipe recipe,
            Selection selection,
            BlockTarget target,
            Parallel parallel,
            Phases phases,
            long seed) {
        this.network = network;
        this.source = source;
        this.recipe = recipe;
        this.selection = selection;
        this.target = target;
        this.parallel = parallel;
        this.phases = phases;
        this.seed = seed;
    }

    /// A block's parameters behind all methods (null where there are none), and what they report.
    record Transformed(@Nullable BlockParameters parameters, List<BlockReport> reports) {}

    /// `trial` tells what the weight method makes of the block, null where rounding to nearest tells it as well.
    Transformed transform(Block block, BlockInputs inputs, @Nullable BlockTrial trial, BlockStatus status) {
        if (recipe.transforms().isEmpty()) {
            return new Transformed(null, List.of());
        }
        BlockParameters parameters = BlockParameters.read(block, source);
        List<BlockReport> reports = new ArrayList<>();
        int steps = recipe.transforms().size();
        for (int i = 0; i < steps; i++) {
            Step<?> step = recipe.transforms().get(i);
            BlockStatus own = status.within((double) i / steps, (i + 1.0) / steps);
            BlockTask task = new BlockTask(
                    network,
                    block,
                    parameters,
                    inputs,
                    target,
                    block.linears().stream().filter(selection::contains).toList(),
                    trial,
                    parallel,
                    seed + 1_000_003L * block.layer() + i,
                    (what, share) -> own.at(step.method().name() + " " + block.layer() + ": " + what, share));
            BlockOutcome outcome = phases.call(step.method().name(), () -> run(step, task));
            log(block, step, outcome);
            reports.add(new BlockReport(block.layer(), step.method().name(), outcome));
        }
        return new Transformed(parameters, reports);
    }

    private static <C extends Record> BlockOutcome run(Step<C> step, BlockTask task) {
        BlockParameters before = task.parameters().copy();
        String reason;
        try {
            BlockOutcome outcome = step.blockMethod().transform(task, step.config());
            if (task.parameters().isFinite()) {
                return tried(task, before, outcome);
            }
            reason = "parameters that are not finite";
        } catch (NumericException e) {
            reason = String.valueOf(e.getMessage());
        }
        task.parameters().restore(before);
        return new BlockOutcome(Double.NaN, Double.NaN, Map.of(), "identity: " + reason, List.of());
    }

    /// Undoes what the weight method that follows does not profit from.
    private static BlockOutcome tried(BlockTask task, BlockParameters before, BlockOutcome outcome) {
        BlockTrial trial = task.trial();
        if (trial == null || outcome.leftAsItWas()) {
            return outcome;
        }
        task.status().at("trying the weights", 1);
        double plain = trial.error(before);
        Double known = outcome.figures().get(BlockTrial.FIGURE);
        double error = known == null ? trial.error(task.parameters()) : known;
        BlockOutcome judged = outcome.with(BlockTrial.FIGURE, error).with(BlockTrial.FIGURE + "-before", plain);
        if (error < plain) {
            return judged;
        }
        task.parameters().restore(before);
        return judged.undone(BlockOutcome.noBetter("identity", "transformed", plain, error));
    }

    private static void log(Block block, Step<?> step, BlockOutcome outcome) {
        LOG.log(
                System.Logger.Level.DEBUG,
                () -> String.format(
                        Locale.ROOT,
                        "block %d: %s: loss %.3e → %.3e",
                        block.layer(),
                        step.method().name(),
                        outcome.lossBefore(),
                        outcome.lossAfter()));
        if (outcome.fallback() != null) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "block {0}: {1} fell back to {2}",
                    block.layer(),
                    step.method().name(),
                    outcome.fallback());
        }
    }
}
