package dev.quern.methods;

import static org.assertj.core.api.Assertions.assertThat;

import dev.quern.torch.Torch;
import dev.quern.torch.TorchOps;
import dev.quern.torch.TorchScope;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/// What happens when gradients go wrong.
class AffineQuantFaultTest {
    @Test
    void oneGradientThatIsNotFiniteSendsTheTrainingBackAndItGoesOn() {
        BlockTask task = task();
        BlockOutcome outcome = run(task, (step, gradients) -> {
            if (step == 5) {
                gradients.getFirst()[0] = Double.NaN;
            }
        });
        assertThat(task.parameters().isFinite()).isTrue();
        assertThat(outcome.fallback()).isNull();
        assertThat(outcome.notes()).anyMatch(note -> note.contains("went back"));
        assertThat(outcome.lossAfter()).isLessThan(outcome.lossBefore());
    }

    @Test
    void aSequenceThatAlwaysLosesMuchIsNoFailure() {
        double[] least = {0.01, 0.2, Double.POSITIVE_INFINITY};
        assertThat(BlockTrainer.exploded(new int[] {1, 2}, new double[] {0.21, 7}, least))
                .isFalse();
        assertThat(BlockTrainer.exploded(new int[] {0}, new double[] {0.03}, least))
                .isFalse();
        assertThat(BlockTrainer.exploded(new int[] {0}, new double[] {0.05}, least))
                .isTrue();
        assertThat(least).containsExactly(0.01, 0.2, 7);
    }

    @Test
    void gradientsThatAreNeverFiniteEndInTheBlockAsItWasByName() {
        BlockTask task = task();
        BlockParameters before = task.parameters().copy();
        BlockOutcome outcome = run(task, (_, gradients) -> gradients.getFirst()[0] = Double.POSITIVE_INFINITY);
        assertThat(outcome.fallback()).startsWith("identity");
        assertThat(outcome.notes()).contains("gave up svd", "gave up dominant", "gave up diagonal");
        task.block()
                .linears()
                .forEach(linear -> assertThat(task.parameters().weight(linear)).isEqualTo(before.weight(linear)));
    }

    @Test
    void whereOnlyMatricesFailTheDiagonalFormTakesOver() {
        BlockTask task = task();
        BlockOutcome outcome = run(
                task,
                (_, gradients) -> gradients.stream()
                        .filter(gradient -> gradient.length == 2 * 8 * 8)
                        .forEach(gradient -> gradient[3] = Double.NaN));
        assertThat(outcome.fallback()).isEqualTo("diagonal");
        assertThat(task.parameters().isFinite()).isTrue();
    }

    @Test
    void rangesGoAsFarInFewStepsAsInMany() {
        AffineQuant.Config config = config(Map.of("epochs", "3"));
        assertThat(config.plan(false, 80).rate(Learned.Part.CLIP)).isEqualTo(0.1);
        assertThat(config.plan(false, 42).rate(Learned.Part.CLIP)).isEqualTo(12.0 / 63);
        assertThat(config.plan(false, 1).rate(Learned.Part.CLIP)).isEqualTo(0.3);
        assertThat(config.plan(true, 1).rate(Learned.Part.CLIP)).isEqualTo(0.1);
        AffineQuant.Config given = config(Map.of("epochs", "3", "clip-rate", "0.05"));
        assertThat(given.plan(false, 42).rate(Learned.Part.CLIP)).isEqualTo(0.05);
    }

    @Test
    void whereNothingIsLearnedNoStepIsTaken() {
        BlockTask task = SeededBlock.task(SeededBlock.network(SeededBlock.LLAMA), 4, 4, 1);
        Map<String, String> keys = Map.of(
                "run-time",
                "hadamard",
                "values",
                "none",
                "norms",
                "none",
                "queries-keys",
                "false",
                "up-down",
                "false",
                "clip",
                "false");
        BlockOutcome outcome = AffineQuant.run(task, config(keys), BlockTrainer.Fault.NONE);
        assertThat(outcome.figures()).containsEntry("steps", 0.0);
        assertThat(outcome.fallback()).isNull();
        assertThat(task.parameters().transforms(task.block().linears().getFirst()))
                .hasSize(1);
    }

    @Test
    void activationsAreQuantizedInTheLossAndRunTimeTransformsHelpThem() {
        for (String runTime : List.of("none", "hadamard", "kronecker")) {
            BlockTask task = SeededBlock.task(SeededBlock.network(SeededBlock.LLAMA), 4, 4, 1);
            BlockParameters before = task.parameters().copy();
            BlockOutcome outcome = AffineQuant.run(
                    task, config(Map.of("epochs", "3", "run-time", runTime, "clip", "false")), BlockTrainer.Fault.NONE);
            assertThat(outcome.lossAfter()).as(runTime).isLessThan(outcome.lossBefore());
            task.block()
                    .linears()
                    .forEach(linear ->
                            assertThat(task.parameters().transforms(linear)).hasSize(runTime.equals("none") ? 0 : 1));
            assertThat(drift(task, before)).as(runTime).isLessThan(1e-5);
        }
    }

    @Test
    void thePapersConfigurationKeepsFullMatricesAtRunTimeAndChangesNothingWithoutQuantization() {
        BlockTask task = SeededBlock.task(SeededBlock.network(SeededBlock.LLAMA), 3, 16, 1);
        BlockParameters before = task.parameters().copy();
        Map<String, String> keys =
                Map.of("faithful", "true", "stability-factor", "0.1", "epochs", "4", "clip", "false");
        AffineQuant.run(task, config(keys), BlockTrainer.Fault.NONE);
        assertThat(task.parameters().transforms(task.block().linears().getFirst()))
                .hasSize(1);
        assertThat(drift(task, before)).isLessThan(1e-5);
    }

    private static double drift(BlockTask task, BlockParameters before) {
        return TorchScope.call(() -> Torch.noGrad(() -> {
            float[] wanted = task.block()
                    .forward(new TorchOps(before.torch()), task.exact(0))
                    .toFloats();
            float[] found = task.block()
                    .forward(new TorchOps(task.parameters().torch()), task.exact(0))
                    .toFloats();
            double gap = 0;
            double size = 0;
            for (int i = 0; i < wanted.length; i++) {
                gap = Math.max(gap, Math.abs(wanted[i] - found[i]));
                size = Math.max(size, Math.abs(wanted[i]));
            }
            return gap / size;
        }));
    }

    private static BlockTask task() {
        return SeededBlock.task(SeededBlock.network(SeededBlock.LLAMA), 3, 16, 1);
    }

    private static BlockOutcome run(BlockTask task, BlockTrainer.Fault fault) {
        // large steps: a few of them must make matrices worth more than their diagonals
        Map<String, String> keys = Map.of("epochs", "8", "batch", "2", "scale-rate", "0.05", "matrix-rate", "0.02");
        return AffineQuant.run(task, config(keys), fault);
    }

    private static AffineQuant.Config config(Map<String, String> keys) {
        return ConfigKeys.read("affinequant", AffineQuant.Config.class, keys);
    }
}
