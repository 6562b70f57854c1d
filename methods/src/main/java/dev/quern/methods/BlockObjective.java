package dev.quern.methods;

import dev.quern.torch.Torch;
import dev.quern.torch.TorchOps;
import dev.quern.torch.TorchScope;
import dev.quern.torch.TorchTensor;
import dev.quern.torch.TorchWeights;
import java.util.Arrays;
import java.util.stream.IntStream;

/// How far a block's output, computed from the quantized prefix, is from that of the float model.
///
/// Relative, so that layers compare: `tokenwise` divides each token's squared error by the square of its target, for
/// the
/// norms that read the residual stream next do the same; otherwise all are divided by the mean square of all targets.
/// With `augmented` the distance from the float block on the quantized prefix counts as much.
final class BlockObjective {
    private final BlockTask task;
    private final TrainingSequences sequences;
    private final float[][] targets;
    private final float[][] ownTargets;
    private final float[][] weights;
    private final int width;

    /// Computes the targets of the sequences; `task.parameters()` are still as they were.
    BlockObjective(BlockTask task, TrainingSequences sequences, boolean tokenwise, boolean augmented) {
        this.task = task;
        this.sequences = sequences;
        this.width = task.network().config().hiddenSize();
        int count = task.inputs().sequences();
        targets = new float[count][];
        ownTargets = new float[augmented ? count : 0][];
        weights = new float[count][];
        int[] used = IntStream.concat(Arrays.stream(sequences.pool()), Arrays.stream(sequences.judged()))
                .distinct()
                .toArray();
        TorchScope.run(() -> {
            TorchOps ops = new TorchOps(task.parameters().torch());
            task.parallel().run(used.length, k -> targets(ops, used[k], augmented));
        });
        double[][] squares = new double[count][];
        for (int i : used) {
            squares[i] = squares(targets[i], width);
        }
        double mean = Arrays.stream(used)
                .mapToObj(i -> squares[i])
                .flatMapToDouble(Arrays::stream)
                .average()
                .orElse(1);
        for (int i : used) {
            weights[i] = weights(squares[i], tokenwise, mean);
        }
    }

    private void targets(TorchOps ops, int i, boolean augmented) {
        TorchScope.run(() -> Torch.noGrad(() -> {
            targets[i] = task.block().forward(ops, sequences.exact(i)).toFloats();
            if (augmented) {
                ownTargets[i] =
                        task.block().forward(ops, sequences.quantized(i)).toFloats();
            }
            return i;
        }));
    }

    /// The factor of each token's squared error: relative to the token's `target`.
    static float[] weights(float[] target, int width) {
        double[] squares = squares(target, width);
        return weights(squares, true, Arrays.stream(squares).average().orElse(1));
    }

    private static double[] squares(float[] target, int width) {
        double[] squares = new double[target.length / width];
        for (int i = 0; i < target.length; i++) {
            squares[i / width] += (double) target[i] * target[i];
        }
        return squares;
    }

    private static float[] weights(double[] squares, boolean tokenwise, double mean) {
        float[] weights = new float[squares.length];
        for (int t = 0; t < weights.length; t++) {
            double square = tokenwise ? Math.max(squares[t], 1e-6 * mean) : mean;
            weights[t] = (float) (1 / (square * weights.length));
        }
        return weights;
    }

    /// The loss of sequence `i` under `held`, in the open scope, with gradients where `held` have some.
    TorchTensor loss(int i, TorchWeights held) {
        TorchTensor output = task.block().forward(new TorchOps(held), sequences.quantized(i));
        TorchTensor loss = distance(output, targets[i], weights[i]);
        return ownTargets.length == 0
                ? loss
                : loss.add(distance(output, ownTargets[i], weights[i])).mul(0.5);
    }

    /// The sum of the tokens' squared distances from `target`, each by its factor.
    static TorchTensor distance(TorchTensor output, float[] target, float[] factors) {
        TorchTensor gap = output.sub(TorchTensor.of(target, output.shape()));
        return gap.square()
                .sum(1)
                .mul(TorchTensor.of(factors, factors.length, 1))
                .sum();
    }
}
