package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.quern.core.DenseWeight;
import dev.quern.core.PackedWeight;
import dev.quern.core.Progress;
import dev.quern.core.Tensor;
import dev.quern.kernels.Workers;
import dev.quern.methods.ErrorCosts;
import dev.quern.models.Checkpoint;
import dev.quern.models.Linear;
import dev.quern.models.WeightSource;
import dev.quern.torch.TorchModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What errors in each Linear cost: beside the divergence that small errors of random signs really make.
class ErrorCostsTest {
    private static final int TOKENS = 64;

    @TempDir
    Path directory;

    private static List<int[]> text(int vocabulary, int count) {
        Random random = new Random(5);
        List<int[]> text = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            text.add(random.ints(TOKENS, 0, vocabulary).toArray());
        }
        return text;
    }

    private static Map<Linear, Double> measured(Checkpoint checkpoint, List<int[]> text, int threads) {
        try (Workers workers = Workers.of(threads)) {
            return ErrorCosts.measure(checkpoint.network(), checkpoint.weights(), text, 1, workers::run, Progress.NONE);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "qwen2", "qwen3"})
    void theyAreWhatSmallErrorsReallyCost(String name) {
        Path path = TinyModels.write(TinyModels.named(name), directory.resolve(name));
        try (Checkpoint checkpoint = Checkpoint.open(path)) {
            List<int[]> text = text(checkpoint.network().config().vocabSize(), 24);
            Map<Linear, Double> costs = measured(checkpoint, text, 2);
            assertThat(costs.keySet())
                    .containsExactlyInAnyOrderElementsOf(checkpoint.network().linears());
            double predicted = 0;
            double found = 0;
            for (Linear linear : checkpoint.network().linears()) {
                double real = real(checkpoint, linear, text.subList(0, 4));
                assertThat(costs.getOrDefault(linear, Double.NaN) / real)
                        .as(linear.name())
                        .isBetween(0.5, 2.0);
                predicted += costs.getOrDefault(linear, Double.NaN);
                found += real;
            }
            assertThat(predicted / found).isBetween(0.7, 1.4);
        }
    }

    @Test
    void theyDoNotDependOnTheNumberOfThreads() {
        Path path = TinyModels.write(TinyModels.named("llama"), directory.resolve("llama"));
        try (Checkpoint checkpoint = Checkpoint.open(path)) {
            List<int[]> text = text(checkpoint.network().config().vocabSize(), 5);
            assertThat(measured(checkpoint, text, 2)).isEqualTo(measured(checkpoint, text, 1));
        }
    }

    /// The divergence by the square of the errors, the mean of several draws.
    private static double real(Checkpoint checkpoint, Linear linear, List<int[]> text) {
        double size = 0.1;
        int draws = 6;
        double sum = 0;
        for (int draw = 0; draw < draws; draw++) {
            sum += divergence(checkpoint, new Wrong(checkpoint.weights(), linear, size, draw), text);
        }
        return sum / draws / (size * size);
    }

    private static double divergence(Checkpoint checkpoint, WeightSource wrong, List<int[]> text) {
        double sum = 0;
        try (TorchModel exact = TorchModel.load(checkpoint.network(), checkpoint.weights());
                TorchModel other = TorchModel.load(checkpoint.network(), wrong)) {
            for (int[] tokens : text) {
                sum += divergence(exact.logits(tokens), other.logits(tokens), tokens.length);
            }
        }
        return sum / text.size();
    }

    private static double divergence(float[] p, float[] q, int tokens) {
        int classes = p.length / tokens;
        double sum = 0;
        for (int t = 0; t < tokens; t++) {
            double a = logSum(p, t * classes, classes);
            double b = logSum(q, t * classes, classes);
            for (int c = t * classes; c < (t + 1) * classes; c++) {
                sum += Math.exp(p[c] - a) * (p[c] - a - q[c] + b);
            }
        }
        return sum / tokens;
    }

    private static double logSum(float[] logits, int from, int count) {
        double sum = 0;
        for (int c = from; c < from + count; c++) {
            sum += Math.exp(logits[c]);
        }
        return Math.log(sum);
    }

    /// A source in which each weight of one Linear is off by `size` of itself, up or down.
    private record Wrong(WeightSource base, Linear linear, double size, int draw) implements WeightSource {
        @Override
        public boolean has(String name) {
            return base.has(name);
        }

        @Override
        public PackedWeight weight(String name) {
            PackedWeight weight = base.weight(name);
            if (!name.equals(linear.weightName())) {
                return weight;
            }
            Random random = new Random(draw);
            float[] values = weight.unpack();
            for (int i = 0; i < values.length; i++) {
                values[i] *= (float) (1 + (random.nextBoolean() ? size : -size));
            }
            return new DenseWeight(Tensor.of(values, weight.rows(), weight.cols()));
        }

        @Override
        public float[] vector(String name) {
            return base.vector(name);
        }
    }
}
