package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.quern.kernels.Workers;
import dev.quern.models.Checkpoint;
import dev.quern.runtime.Model;
import dev.quern.runtime.Session;
import dev.quern.torch.TorchModel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The two executors compute the same network, for every architecture and variant.
class ExecutorParityTest {
    /// Two orders of float32 summation; measured some 2e-6.
    private static final double TOLERANCE = 1e-4;

    private static final int TOKENS = 40;

    /// More than a session runs at once.
    private static final int LONG = 300;

    static List<TinyModel> models() {
        return TinyModels.ALL;
    }

    @ParameterizedTest
    @MethodSource("models")
    void javaAndTorchGiveTheSameLogits(TinyModel tiny, @TempDir Path directory) {
        TinyModels.write(tiny, directory);
        try (Checkpoint checkpoint = Checkpoint.open(directory);
                Workers workers = Workers.of(2);
                TorchModel torch = TorchModel.load(checkpoint.network(), checkpoint.weights())) {
            int[] tokens = tokens(torch.vocabSize());
            Model java = new Model(checkpoint.network(), checkpoint.weights(), workers);
            float[] logits = new Session(java).logits(tokens).data();
            LogitDifference difference = LogitDifference.between(logits, torch.logits(tokens), torch.vocabSize());
            assertThat(difference.relative()).as("%s", difference).isLessThan(TOLERANCE);
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void decodingWithTheCacheIsReadingTheWholeText(TinyModel tiny, @TempDir Path directory) {
        TinyModels.write(tiny, directory);
        try (Checkpoint checkpoint = Checkpoint.open(directory);
                Workers workers = Workers.of(1)) {
            Model model = new Model(checkpoint.network(), checkpoint.weights(), workers);
            int vocabSize = model.vocabSize();
            int[] tokens = Arrays.copyOf(tokens(vocabSize), settledLength(checkpoint));
            float[] whole = new Session(model).logits(tokens).data();
            Session session = new Session(model);
            session.prefill(Arrays.copyOf(tokens, 5));
            for (int at = 5; at < tokens.length; at++) {
                float[] expected = Arrays.copyOfRange(whole, at * vocabSize, (at + 1) * vocabSize);
                LogitDifference difference = LogitDifference.between(session.decode(tokens[at]), expected, vocabSize);
                assertThat(difference.relative())
                        .as("token %d: %s", at, difference)
                        .isLessThan(TOLERANCE);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void aLongTextInChunksIsTheTextAtOnce(TinyModel tiny, @TempDir Path directory) {
        TinyModels.write(tiny, directory);
        try (Checkpoint checkpoint = Checkpoint.open(directory);
                Workers workers = Workers.of(2);
                TorchModel torch = TorchModel.load(checkpoint.network(), checkpoint.weights())) {
            Model java = new Model(checkpoint.network(), checkpoint.weights(), workers);
            int[] tokens = tokens(LONG, java.vocabSize());
            float[] last = new Session(java).prefill(tokens);
            float[] all = torch.logits(tokens);
            float[] expected = Arrays.copyOfRange(all, all.length - last.length, all.length);
            LogitDifference difference = LogitDifference.between(last, expected, last.length);
            assertThat(difference.relative()).as("%s", difference).isLessThan(TOLERANCE);
        }
    }

    /// Keys in a cache keep the rotation of their time, so under dynamic scaling (as in transformers) the two ways
    /// agree
    /// only up to the trained length.
    private static int settledLength(Checkpoint checkpoint) {
        boolean dynamic = checkpoint
                .config()
                .path("rope_scaling")
                .path("rope_type")
                .asText("")
                .equals("dynamic");
        return dynamic ? checkpoint.network().config().maxPositions() : TOKENS;
    }

    /// Longer than the tiny models' windows.
    private static int[] tokens(int vocabSize) {
        return tokens(TOKENS, vocabSize);
    }

    private static int[] tokens(int count, int vocabSize) {
        return IntStream.range(0, count).map(i -> (i * i * 7 + 3) % vocabSize).toArray();
    }
}
