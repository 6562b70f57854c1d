package dev.quern.methods;

import dev.quern.torch.TorchScope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Trains what a block learns and never loses it: the best state by held-out loss is kept, and a failing step goes back
/// to it.
///
/// A loss or gradient that is not finite, a loss of four times the smallest of the same sequences, or a condition
/// number beyond the limit is
/// a
/// failure: the best state returns, rates fall to 0.3, Adam starts anew with β₁ = 0.8 and off-diagonals shrink by half;
/// after three of them the training ends, with the best state, or with none where nothing was learned.
final class BlockTrainer {
    private static final System.Logger LOG = System.getLogger(BlockTrainer.class.getName());
    private static final int MAX_RETRIES = 3;
    private static final double EXPLODED = 4;

    /// Changes gradients before they are used: for tests of what happens when they are not finite.
    @FunctionalInterface
    interface Fault {
        Fault NONE = (_, _) -> {};

        void disturb(int step, List<double[]> gradients);
    }

    private final TrainedBlock block;
    private final BlockTask task;
    private final TrainingSequences sequences;
    private final TrainingPlan plan;
    private final Fault fault;
    private @Nullable Snapshot best;
    private int retries;
    private int steps;

    /// A state: all numbers, the epoch whose mask they belong to, and the held-out loss.
    record Snapshot(List<double[]> values, int epoch, double loss) {}

    BlockTrainer(TrainedBlock block, BlockTask task, TrainingSequences sequences, TrainingPlan plan, Fault fault) {
        this.sequences = sequences;
        this.block = block;
        this.task = task;
        this.plan = plan;
        this.fault = fault;
    }

    /// Trains and returns the best state, which is that of the block then; null where the training gave up.
    @Nullable
    Snapshot train() {
        Snapshot first = snapshot(0);
        if (first == null) {
            return null;
        }
        best = first;
        int perEpoch = (sequences.perPass() + plan.batch() - 1) / plan.batch();
        double share = 1;
        double beta1 = 0.9;
        AdamStep adam = new AdamStep(block.learned(), beta1, plan.beta2());
        double[] least = new double[task.inputs().sequences()];
        Arrays.fill(least, Double.POSITIVE_INFINITY);
        int epochs = block.learned().isEmpty() ? 0 : plan.epochs();
        for (int epoch = 0; epoch < epochs; epoch++) {
            int[] order = sequences.pass(epoch);
            double sum = 0;
            boolean failed = false;
            for (int b = 0; b < perEpoch && !failed; b++) {
                int[] batch =
                        Arrays.copyOfRange(order, b * plan.batch(), Math.min(order.length, (b + 1) * plan.batch()));
                TrainedBlock.Gradients gradients = gradients(batch, epoch);
                failed = gradients == null || exploded(batch, gradients.losses(), least);
                if (gradients != null && !failed) {
                    sum += gradients.loss() / perEpoch;
                    double done = (epoch + b / (double) perEpoch) / epochs;
                    double factor = share * plan.schedule(done);
                    adam.step(gradients.values(), part -> plan.rate(part) * factor);
                }
            }
            Snapshot reached = failed ? null : snapshot(epoch);
            if (reached == null) {
                if (++retries > MAX_RETRIES) {
                    restore(best);
                    return best == first ? null : best;
                }
                Arrays.fill(least, Double.POSITIVE_INFINITY);
                restore(best);
                block.learned().forEach(one -> one.shrink(0.5));
                share *= 0.3;
                beta1 = 0.8;
                adam = new AdamStep(block.learned(), beta1, plan.beta2());
                continue;
            }
            if (reached.loss() <= best.loss()) {
                best = reached;
            }
            LOG.log(
                    System.Logger.Level.DEBUG,
                    "block {0} epoch {1}: loss {2}, held out {3}",
                    task.block().layer(),
                    epoch,
                    sum,
                    reached.loss());
            String what = "epoch %d of %d, loss %.3g".formatted(epoch + 1, epochs, reached.loss());
            task.status().at(what, (epoch + 1.0) / epochs);
        }
        restore(best);
        return best;
    }

    /// True where the sequences lose four times the least that they lost before: each is held against itself, for a
    /// sequence with an enormous activation may lose many times as much as another. Keeps the least.
    static boolean exploded(int[] batch, double[] losses, double[] least) {
        double now = 0;
        double before = 0;
        for (int k = 0; k < batch.length; k++) {
            now += losses[k];
            before += least[batch[k]];
            least[batch[k]] = Math.min(least[batch[k]], losses[k]);
        }
        return now > EXPLODED * before;
    }

    int retries() {
        return retries;
    }

    int steps() {
        return steps;
    }

    /// Null where one is not finite.
    private TrainedBlock.@Nullable Gradients gradients(int[] batch, int epoch) {
        TrainedBlock.Gradients gradients;
        try {
            gradients = block.gradients(batch, epoch);
        } catch (RuntimeException e) {
            // libtorch throws where a matrix is singular
            LOG.log(System.Logger.Level.DEBUG, "block " + task.block().layer() + ": a step failed", e);
            return null;
        }
        fault.disturb(steps++, gradients.values());
        double norm = AdamStep.clip(gradients.values(), plan.clipNorm());
        return Double.isFinite(norm) && Double.isFinite(gradients.loss()) ? gradients : null;
    }

    /// The state now; null where it has no finite loss or a matrix is too badly conditioned.
    private @Nullable Snapshot snapshot(int epoch) {
        try {
            if (!(condition(epoch) <= plan.maxCondition())) {
                return null;
            }
            double loss = block.loss(sequences.judged(), epoch);
            if (!Double.isFinite(loss)) {
                return null;
            }
            List<double[]> values = new ArrayList<>();
            block.learned().forEach(one -> values.add(one.values().clone()));
            return new Snapshot(values, epoch, loss);
        } catch (RuntimeException e) {
            LOG.log(System.Logger.Level.DEBUG, "block " + task.block().layer() + ": no loss", e);
            return null;
        }
    }

    private double condition(int epoch) {
        double[] worst = {1};
        matrices(block.sites(), epoch, pair -> worst[0] = Math.max(worst[0], pair.condition()));
        return worst[0];
    }

    /// Shows the matrices of all sites as they are now.
    static void matrices(List<LearnedSite> sites, int epoch, Consumer<MatrixPair> visitor) {
        TorchScope.run(() -> {
            Leaves leaves = Leaves.of(sites, false);
            for (LearnedSite site : sites) {
                site.matrices(leaves, epoch).forEach(visitor);
            }
        });
    }

    void restore(Snapshot snapshot) {
        for (int i = 0; i < snapshot.values().size(); i++) {
            double[] values = block.learned().get(i).values();
            System.arraycopy(snapshot.values().get(i), 0, values, 0, values.length);
        }
    }
}
