package dev.quern.methods;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

/// What was learned for rounding to nearest is weakened where the weight method that follows wants less of it.
class BlockTrialTest {
    @Test
    void theStrengthThatTheTrialLikesBestIsMerged() {
        double[] whole = scales(run(candidate -> 1));
        for (int preferred = 2; preferred >= 0; preferred--) {
            int wanted = preferred;
            List<BlockParameters> seen = new ArrayList<>();
            BlockTask task = run(candidate -> {
                seen.add(candidate.copy());
                return seen.size() - 1 == wanted ? 0.1 : 0.2;
            });
            assertThat(seen).as("tried until it gets worse").hasSize(Math.min(3, wanted + 2));
            double strength = Math.pow(0.5, 2 - wanted);
            double[] found = scales(task);
            assertThat(found).isEqualTo(scales(seen.get(wanted)));
            for (int i = 0; i < found.length; i++) {
                assertThat(found[i]).isCloseTo(Math.pow(whole[i], strength), within(whole[i]));
            }
        }
    }

    private static Offset<Double> within(double size) {
        return Offset.offset(1e-3 * Math.max(1, size));
    }

    /// What the first norm's weight was divided by.
    private static double[] scales(BlockTask task) {
        return scales(task.parameters());
    }

    private static double[] scales(BlockParameters parameters) {
        BlockTask fresh = SeededBlock.task(SeededBlock.network(SeededBlock.LLAMA), 3, 16, 1);
        var norm = Objects.requireNonNull(fresh.block().stages().getFirst().norm());
        float[] before = fresh.parameters().norm(norm);
        float[] after = parameters.norm(norm);
        double[] scales = new double[before.length];
        Arrays.setAll(scales, i -> (double) before[i] / after[i]);
        return scales;
    }

    private static BlockTask run(BlockTrial trial) {
        BlockTask plain = SeededBlock.task(SeededBlock.network(SeededBlock.LLAMA), 3, 16, 1);
        BlockTask task = new BlockTask(
                plain.network(),
                plain.block(),
                plain.parameters(),
                plain.inputs(),
                new BlockTarget(
                        plain.target().weights(),
                        plain.target().activations(),
                        plain.target().kv(),
                        true),
                plain.selected(),
                trial,
                plain.parallel(),
                plain.seed(),
                plain.status());
        BlockOutcome outcome = AffineQuant.run(
                task,
                ConfigKeys.read(
                        "affinequant",
                        AffineQuant.Config.class,
                        Map.of("epochs", "3", "scale-rate", "0.05", "matrix-rate", "0.02")),
                BlockTrainer.Fault.NONE);
        assertThat(outcome.figures()).containsKeys("strength", BlockTrial.FIGURE);
        return task;
    }
}
