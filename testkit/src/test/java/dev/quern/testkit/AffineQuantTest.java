package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.quern.core.ActivationScheme;
import dev.quern.core.KvScheme;
import dev.quern.core.QuantScheme;
import dev.quern.methods.ActivationPlan;
import dev.quern.methods.AffineQuant;
import dev.quern.methods.BlockInputs;
import dev.quern.methods.BlockOutcome;
import dev.quern.methods.BlockParameters;
import dev.quern.methods.BlockStatus;
import dev.quern.methods.BlockTarget;
import dev.quern.methods.BlockTask;
import dev.quern.methods.ConfigKeys;
import dev.quern.methods.OmniQuant;
import dev.quern.methods.Parallel;
import dev.quern.methods.WeightFormat;
import dev.quern.models.Block;
import dev.quern.models.Checkpoint;
import dev.quern.models.Network;
import dev.quern.models.Norm;
import dev.quern.models.Stage;
import dev.quern.torch.Torch;
import dev.quern.torch.TorchOps;
import dev.quern.torch.TorchScope;
import dev.quern.torch.TorchTensor;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/// AffineQuant and OmniQuant on blocks of every family.
class AffineQuantTest {
    private static final List<TinyModel> MODELS = TinyModels.ALL;
    private static final int TOKENS = 24;

    @TempDir
    Path folder;

    @ParameterizedTest
    @FieldSource("MODELS")
    void withoutQuantizationATransformedBlockComputesWhatItDid(TinyModel model) {
        for (Map<String, String> keys : List.of(
                Map.of("values", "svd", "shift", "true"),
                Map.of("values", "lu", "gradual", "true"),
                Map.of("values", "dominant"),
                Map.of("values", "diagonal"))) {
            Map<String, String> all = new HashMap<>(keys);
            all.putAll(Map.of("clip", "false", "epochs", "3", "scale-rate", "0.02", "matrix-rate", "0.05"));
            try (Checkpoint checkpoint =
                    Checkpoint.open(TinyModels.write(model, folder.resolve("m" + keys.hashCode())))) {
                Trial trial = new Trial(checkpoint, 3, 8, 1, Parallel.SERIAL);
                BlockOutcome outcome = trial.affine(all);
                assertThat(trial.moved()).isEqualTo(!"identity".equals(outcome.fallback()));
                assertThat(trial.drift(TOKENS)).as("%s %s", keys, outcome).isLessThan(1e-5);
            }
        }
    }

    @Test
    void positionsBeyondFourThousandStayTooUnderTheTransform() {
        try (Checkpoint checkpoint = Checkpoint.open(TinyModels.write(TinyModels.named("llama"), folder))) {
            Trial trial = new Trial(checkpoint, 3, 8, 1, Parallel.SERIAL);
            trial.affine(Map.of("clip", "false", "epochs", "3", "scale-rate", "0.02", "matrix-rate", "0.05"));
            assertThat(trial.drift(4200)).isLessThan(1e-5);
        }
    }

    @Test
    void threadsChangeNoBit() {
        try (Checkpoint checkpoint = Checkpoint.open(TinyModels.write(TinyModels.named("qwen2"), folder))) {
            Parallel scattered = (tasks, body) ->
                    IntStream.range(0, tasks).parallel().map(i -> tasks - 1 - i).forEach(body::accept);
            Trial serial = new Trial(checkpoint, 3, 10, 1, Parallel.SERIAL);
            Trial parallel = new Trial(checkpoint, 3, 10, 1, scattered);
            serial.affine(Map.of("epochs", "2", "batch", "3"));
            parallel.affine(Map.of("epochs", "2", "batch", "3"));
            assertThat(serial.same(parallel)).isTrue();
        }
    }

    @Test
    void hardSettingsNeverEndInANumberThatIsNotFinite() {
        try (Checkpoint checkpoint = Checkpoint.open(TinyModels.write(TinyModels.named("llama"), folder))) {
            List<String> forms = List.of("svd", "lu", "dominant", "direct");
            for (int seed = 0; seed < 20; seed++) {
                Trial trial = new Trial(checkpoint, 2, 8, seed, Parallel.SERIAL);
                trial.affine(Map.of(
                        "values", forms.get(seed % 4),
                        "epochs", "3",
                        "scale-rate", "0.05",
                        "matrix-rate", "0.5",
                        "clip-rate", "0.1"));
                assertThat(trial.parameters.isFinite()).isTrue();
            }
        }
    }

    @Test
    void neitherMethodLosesMoreThanRoundToNearestOnTextItWasNotTrainedOn() {
        try (Checkpoint checkpoint = Checkpoint.open(TinyModels.write(TinyModels.named("llama"), folder))) {
            Trial affine = new Trial(checkpoint, 2, 16, 1, Parallel.SERIAL);
            BlockOutcome outcome = affine.affine(Map.of("epochs", "4"));
            assertThat(outcome.lossAfter()).isLessThan(outcome.lossBefore());
            Trial omni = new Trial(checkpoint, 2, 16, 1, Parallel.SERIAL);
            BlockOutcome clipped = omni.omni(Map.of("epochs", "4"));
            assertThat(clipped.lossAfter()).isLessThan(clipped.lossBefore());
        }
    }

    @Test
    void aStabilityFactorOfZeroIsTheDiagonalForm() {
        try (Checkpoint checkpoint = Checkpoint.open(TinyModels.write(TinyModels.named("llama"), folder))) {
            Trial masked = new Trial(checkpoint, 3, 8, 1, Parallel.SERIAL);
            Trial diagonal = new Trial(checkpoint, 3, 8, 1, Parallel.SERIAL);
            masked.affine(Map.of(
                    "values",
                    "dominant",
                    "stability-factor",
                    "0",
                    "gradual",
                    "true",
                    "epochs",
                    "3",
                    "queries-keys",
                    "false"));
            diagonal.affine(Map.of("values", "diagonal", "epochs", "3", "queries-keys", "false"));
            assertThat(masked.same(diagonal)).isTrue();
        }
    }

    /// The second block of a tiny model in training.
    private static final class Trial {
        private final Checkpoint checkpoint;
        private final Network network;
        private final Block block;
        private final BlockParameters before;
        private final BlockParameters parameters;
        private final BlockTask task;

        Trial(Checkpoint checkpoint, int bits, int sequences, long seed, Parallel parallel) {
            this.checkpoint = checkpoint;
            this.network = checkpoint.network();
            this.block = network.blocks().get(1);
            this.parameters = BlockParameters.read(block, checkpoint.weights());
            this.before = parameters.copy();
            this.task = new BlockTask(
                    network,
                    block,
                    parameters,
                    inputs(sequences),
                    new BlockTarget(
                            new WeightFormat.Grouped(new QuantScheme(bits, 16, false)),
                            ActivationPlan.of(ActivationScheme.FLOAT),
                            KvScheme.FLOAT,
                            false),
                    block.linears(),
                    null,
                    parallel,
                    seed,
                    BlockStatus.NONE);
        }

        private BlockInputs inputs(int sequences) {
            return new BlockInputs() {
                @Override
                public int sequences() {
                    return sequences;
                }

                @Override
                public int tokens(int i) {
                    return TOKENS;
                }

                @Override
                public TorchTensor exact(int i) {
                    return stream(i, TOKENS, 0);
                }

                @Override
                public TorchTensor quantized(int i) {
                    return stream(i, TOKENS, 0.02f);
                }
            };
        }

        private TorchTensor stream(int i, int tokens, float noise) {
            int hidden = network.config().hiddenSize();
            float[] values = new SeededValues("stream", i).uniform(tokens * hidden, 0, 1);
            float[] others = new SeededValues("noise", i).uniform(tokens * hidden, 0, noise);
            for (int at = 0; at < values.length; at++) {
                values[at] += others[at];
                values[at] *= at % hidden == 7 ? 9 : 1;
            }
            return TorchTensor.of(values, tokens, hidden);
        }

        BlockOutcome affine(Map<String, String> keys) {
            return new AffineQuant().transform(task, ConfigKeys.read("affinequant", AffineQuant.Config.class, keys));
        }

        BlockOutcome omni(Map<String, String> keys) {
            return new OmniQuant().transform(task, ConfigKeys.read("omniquant", OmniQuant.Config.class, keys));
        }

        boolean moved() {
            return block.linears().stream()
                    .allMatch(linear -> !Arrays.equals(parameters.weight(linear), before.weight(linear)));
        }

        boolean same(Trial other) {
            return block.linears().stream()
                            .allMatch(l -> Arrays.equals(parameters.weight(l), other.parameters.weight(l)))
                    && norms().allMatch(n -> Arrays.equals(parameters.norm(n), other.parameters.norm(n)));
        }

        private java.util.stream.Stream<Norm> norms() {
            return block.stages().stream().map(Stage::norm).filter(Objects::nonNull);
        }

        /// The largest change of the block's output, relative to the largest output.
        double drift(int tokens) {
            return TorchScope.call(() -> Torch.noGrad(() -> {
                TorchTensor x = stream(99, tokens, 0);
                float[] wanted = block.forward(new TorchOps(before.torch()), x).toFloats();
                float[] found =
                        block.forward(new TorchOps(parameters.torch()), x).toFloats();
                double gap = 0;
                double size = 0;
                for (int i = 0; i < wanted.length; i++) {
                    gap = Math.max(gap, Math.abs(wanted[i] - found[i]));
                    size = Math.max(size, Math.abs(wanted[i]));
                }
                return gap / size;
            }));
        }
    }
}
