package dev.quern.methods;

import dev.quern.models.Flow;
import dev.quern.models.Linear;
import dev.quern.models.Stage;
import dev.quern.torch.Torch;
import dev.quern.torch.TorchOps;
import dev.quern.torch.TorchScope;
import dev.quern.torch.TorchTensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// What a block's Linears read in the float model, each input over all tokens: mean of |x|, mean of x², largest |x|.
///
/// Sums are made for each sequence and then in their order.
final class SiteStatistics {
    /// One Linear's inputs.
    record Inputs(double[] mean, double[] square, double[] largest) {}

    private final Map<Linear, Inputs> inputs = new HashMap<>();

    private SiteStatistics() {}

    /// Of the sequences that `task` is trained on, whose parameters are still as they were.
    static SiteStatistics of(BlockTask task, TrainingSequences sequences) {
        List<Stage> stages = task.block().stages();
        int[] pool = sequences.pool();
        int count = pool.length;
        List<List<float[][]>> found = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            found.add(List.of());
        }
        TorchScope.run(() -> {
            TorchOps ops = new TorchOps(task.parameters().torch());
            task.parallel()
                    .run(
                            count,
                            i -> TorchScope.run(() ->
                                    found.set(i, Torch.noGrad(() -> sequence(stages, ops, sequences.exact(pool[i]))))));
        });
        double tokens = 0;
        for (int i = 0; i < count; i++) {
            tokens += sequences.length(pool[i]);
        }
        SiteStatistics statistics = new SiteStatistics();
        for (int s = 0; s < stages.size(); s++) {
            Inputs sum = sum(found, s, tokens);
            stages.get(s).linears().forEach(linear -> statistics.inputs.put(linear, sum));
        }
        return statistics;
    }

    private static List<float[][]> sequence(List<Stage> stages, TorchOps ops, TorchTensor x) {
        List<float[][]> sums = new ArrayList<>();
        Flow<TorchTensor> flow = new Flow<>(x);
        for (Stage stage : stages) {
            TorchTensor input = stage.input(ops, flow);
            TorchTensor size = input.abs();
            sums.add(new float[][] {
                size.sum(0).toFloats(),
                input.square().sum(0).toFloats(),
                size.max(0).toFloats()
            });
            flow = stage.run(ops, flow);
        }
        return sums;
    }

    private static Inputs sum(List<List<float[][]>> found, int stage, double tokens) {
        int n = found.getFirst().get(stage)[0].length;
        Inputs sum = new Inputs(new double[n], new double[n], new double[n]);
        for (List<float[][]> sequence : found) {
            float[][] part = sequence.get(stage);
            for (int j = 0; j < n; j++) {
                sum.mean[j] += part[0][j] / tokens;
                sum.square[j] += part[1][j] / tokens;
                sum.largest[j] = Math.max(sum.largest[j], part[2][j]);
            }
        }
        return sum;
    }

    Inputs inputs(Linear linear) {
        Inputs known = inputs.get(linear);
        if (known == null) {
            throw new IllegalArgumentException(linear.name() + " is not of this block");
        }
        return known;
    }
}
