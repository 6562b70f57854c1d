package dev.quern.methods;

import dev.quern.models.Linear;
import dev.quern.torch.Torch;
import dev.quern.torch.TorchScope;
import dev.quern.torch.TorchTensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;

/// Trains what gives packed weights' codes their values (`TunedWeight`), codes frozen, by a loss of sequences.
///
/// Sequences held out judge: after each epoch the best state so far is kept, and an epoch that made things worse, or
/// not finite, is undone and tried again at half the rate; after four such the search ends. So the result is never
/// worse there than what it began with. Gradients are summed in the order of the sequences: nothing depends on the
/// number of threads.
final class WeightTraining {
    private static final int MOST_HALVINGS = 3;

    /// Sequences of a step.
    private static final int BATCH = 4;

    /// Sequences between two records of where an epoch stands: a fraction of a percent of the time.
    private static final int KEPT = 4 * BATCH;

    /// The loss of sequence `i` with `weights` in the place of what is trained, in the open scope.
    interface Objective {
        TorchTensor loss(int i, Map<Linear, TorchTensor> weights);
    }

    /// Told what goes on, and how far it is.
    interface Status {
        void at(String what, long done, long total);
    }

    /// The mean loss of the sequences held out, before and after.
    record Outcome(double before, double after, List<String> notes) {}

    private final Map<Linear, TunedWeight> tuned;
    private final List<Linear> linears;
    private final Objective objective;
    private final int[] training;
    private final int[] judging;
    private final Parallel parallel;
    private final Status status;
    private final Map<Linear, float[]> dense = new HashMap<>();
    /// The gradient of one Linear at a time, for each sequence of a step.
    private final float[][] gradients;

    /// Of `sequences` some train and some judge, as `HeldOut` says.
    WeightTraining(
            Map<Linear, TunedWeight> tuned, Objective objective, int sequences, Parallel parallel, Status status) {
        this.tuned = tuned;
        this.linears = List.copyOf(tuned.keySet());
        this.objective = objective;
        this.training = HeldOut.training(sequences);
        this.judging = HeldOut.judging(sequences);
        this.parallel = parallel;
        this.status = status;
        linears.forEach(l -> dense.put(l, new float[l.outFeatures() * l.inFeatures()]));
        int largest = dense.values().stream().mapToInt(w -> w.length).max().orElse(0);
        this.gradients = new float[Math.min(BATCH, training.length)][largest];
    }

    /// Trains `epochs` times over the sequences; `rate` is a share of each parameter's size. Begins where
    /// `journal` left off, and tells it how far it came.
    Outcome run(int epochs, double rate, TuneJournal journal) {
        return TorchScope.call(() -> {
            Map<Linear, TorchTensor> held = new LinkedHashMap<>();
            linears.forEach(l -> held.put(l, TorchTensor.of(dense(l), l.outFeatures(), l.inFeatures())));
            TuneJournal.Reached reached = journal.last(tuned).orElseGet(() -> begin(held, rate));
            restore(reached.state(), held);
            for (int epoch = reached.epochs(); epoch < epochs && reached.halvings() <= MOST_HALVINGS; epoch++) {
                pass(held, epoch, epochs, reached, journal);
                double loss = judge(held);
                reached = loss < reached.best()
                        ? reached.better(loss, TunedWeight.parameters(tuned))
                        : reached.undone(loss);
                restore(reached.state(), held);
                journal.add(reached);
            }
            return new Outcome(reached.before(), reached.best(), reached.notes());
        });
    }

    private TuneJournal.Reached begin(Map<Linear, TorchTensor> held, double rate) {
        refresh(held);
        double loss = judge(held);
        return new TuneJournal.Reached(0, rate, 0, loss, loss, List.of(), TunedWeight.parameters(tuned));
    }

    /// Once over the sequences, from where `journal` left off. Adam begins anew with each epoch.
    private void pass(
            Map<Linear, TorchTensor> held, int epoch, int epochs, TuneJournal.Reached reached, TuneJournal journal) {
        Map<Linear, Adam> optimizers = optimizers();
        int[] order = order(training, epoch);
        int from = journal.restore(reached, tuned, optimizers);
        if (from > 0) {
            refresh(held);
        }
        while (from < training.length) {
            status.at(
                    String.format(Locale.ROOT, "epoch %d of %d, held out %.4g", epoch + 1, epochs, reached.best()),
                    (long) epoch * training.length + from,
                    (long) epochs * training.length);
            int to = Math.min(training.length, from + BATCH);
            double done = (epoch + (double) from / training.length) / epochs;
            // half a cosine down to a tenth
            double now = reached.rate() * (0.1 + 0.45 * (1 + Math.cos(Math.PI * done)));
            step(held, Arrays.copyOfRange(order, from, to), optimizers, now);
            from = to;
            if (from % KEPT == 0) {
                journal.keep(reached, from, tuned, optimizers);
            }
        }
    }

    /// The sequences of `training` in an order of the epoch's own: neighbours in a text say much the same,
    /// and what comes last would count most.
    static int[] order(int[] training, int epoch) {
        List<Integer> order = new ArrayList<>(Arrays.stream(training).boxed().toList());
        Collections.shuffle(order, new Random(epoch));
        return order.stream().mapToInt(i -> i).toArray();
    }

    private Map<Linear, Adam> optimizers() {
        Map<Linear, Adam> optimizers = new HashMap<>();
        tuned.forEach((linear, weight) -> optimizers.put(linear, new Adam(weight.parameters())));
        return optimizers;
    }

    private void restore(Map<Linear, List<float[]>> state, Map<Linear, TorchTensor> held) {
        TunedWeight.set(tuned, state);
        refresh(held);
    }

    /// Carries the parameters into the tensors.
    private void refresh(Map<Linear, TorchTensor> held) {
        parallel.run(
                linears.size(),
                i -> TorchScope.run(() -> Torch.noGrad(() -> {
                    Linear linear = linears.get(i);
                    float[] values = dense(linear);
                    required(tuned, linear).fill(0, linear.outFeatures(), values);
                    required(held, linear)
                            .copyInPlace(TorchTensor.of(values, linear.outFeatures(), linear.inFeatures()));
                    return i;
                })));
    }

    private float[] dense(Linear linear) {
        return required(dense, linear);
    }

    private static <T> T required(Map<Linear, T> values, Linear linear) {
        T value = values.get(linear);
        if (value == null) {
            throw new IllegalStateException(linear.name() + " is not in training");
        }
        return value;
    }

    private double judge(Map<Linear, TorchTensor> held) {
        double[] sums = new double[judging.length];
        parallel.run(
                judging.length,
                k -> TorchScope.run(() -> Torch.noGrad(() -> {
                    sums[k] = objective.loss(judging[k], held).item();
                    return k;
                })));
        return Arrays.stream(sums).sum() / judging.length;
    }

    private void step(Map<Linear, TorchTensor> held, int[] batch, Map<Linear, Adam> optimizers, double share) {
        List<Map<Linear, List<double[]>>> parts = new ArrayList<>();
        for (int i = 0; i < batch.length; i++) {
            Map<Linear, List<double[]>> part = new HashMap<>();
            tuned.forEach((linear, weight) -> part.put(linear, weight.zeros()));
            parts.add(part);
        }
        parallel.run(
                batch.length,
                i -> TorchScope.run(() -> {
                    // leaves of this sequence's own over shared memory: gradients of two sequences never meet
                    Map<Linear, TorchTensor> leaves = new HashMap<>();
                    held.forEach((linear, tensor) ->
                            leaves.put(linear, tensor.detach().requireGrad()));
                    objective.loss(batch[i], leaves).backward();
                    tuned.forEach((linear, weight) -> TorchScope.run(() -> {
                        required(leaves, linear).grad().orElseThrow().copyTo(gradients[i], 0);
                        weight.gradients(gradients[i], required(parts.get(i), linear));
                    }));
                }));
        parallel.run(linears.size(), i -> {
            Linear linear = linears.get(i);
            List<double[]> sum = required(parts.getFirst(), linear);
            for (int k = 1; k < parts.size(); k++) {
                add(sum, required(parts.get(k), linear));
            }
            double[] rates = required(tuned, linear).sizes();
            for (int k = 0; k < rates.length; k++) {
                rates[k] *= share;
            }
            required(optimizers, linear).step(sum, rates);
        });
        refresh(held);
    }

    private static void add(List<double[]> sum, List<double[]> other) {
        for (int p = 0; p < sum.size(); p++) {
            for (int k = 0; k < sum.get(p).length; k++) {
                sum.get(p)[k] += other.get(p)[k];
            }
        }
    }
}
