package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.quern.core.Progress;
import dev.quern.core.QuernException;
import dev.quern.methods.Pipeline;
import dev.quern.methods.PipelineOptions;
import dev.quern.methods.PipelineOptions.CalibrationSource;
import dev.quern.methods.Recipe;
import dev.quern.methods.TuneRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// End-to-end tuning of codebooks: nearer to the float model on other text, and nothing lost by a kill.
class TuneRunTest {
    @TempDir
    Path directory;

    private Path model = Path.of("");
    private Path quantized = Path.of("");
    private CalibrationSource calibration = new CalibrationSource(Path.of(""), 9, 48);

    @BeforeEach
    void makeModelAndText() {
        model = TinyModels.write(TinyModels.named("llama").with("head_dim", "32"), directory.resolve("model"));
        Path text = CalibrationText.in(directory);
        calibration = new CalibrationSource(text, 34, 48);
        quantized = directory.resolve("quantized");
        PipelineOptions options = new PipelineOptions(2, 3, calibration, List.of(), true, false, false, 0);
        Map<String, ?> keys = Map.of("vector-length", 2, "centroids", 16);
        new Pipeline(model, quantized, Recipe.of("vptq", keys, Map.of()), options).run(Progress.NONE);
    }

    private TuneRun.Report tune(String name, double rate, int threads, boolean resume, Progress progress) {
        return new TuneRun(new TuneRun.Options(
                        quantized, model, directory.resolve(name), calibration, 3, rate, threads, 5, resume))
                .run(progress);
    }

    @Test
    void predictionsComeNearerOnTextThatIsNotTrainedOn() {
        TuneRun.Report report = tune("tuned", 0.01, 2, false, Progress.NONE);
        assertThat(report.after()).isLessThan(0.95 * report.before());
        assertThat(directory.resolve("tuned.quern-work")).doesNotExist();
    }

    @Test
    void anEpochThatMakesThingsWorseIsUndone() {
        TuneRun.Report report = tune("wild", 0.9, 2, false, Progress.NONE);
        assertThat(report.after()).isLessThanOrEqualTo(report.before());
        assertThat(report.notes()).isNotEmpty().allMatch(note -> note.contains("undone"));
    }

    @Test
    void aKilledRunGoesOnToTheSameBytesAndOnlyWhenAsked() throws IOException {
        tune("whole", 0.01, 2, false, Progress.NONE);
        assertThatThrownBy(() -> tune("stopped", 0.01, 1, false, (what, _, _) -> {
                    if (what.startsWith("epoch 3")) {
                        throw new IllegalStateException("stopped");
                    }
                }))
                .hasMessage("stopped");
        assertThatThrownBy(() -> tune("stopped", 0.01, 1, false, Progress.NONE))
                .isInstanceOf(QuernException.class)
                .hasMessageContaining("--resume");
        assertThatThrownBy(() -> tune("stopped", 0.02, 1, true, Progress.NONE))
                .isInstanceOf(QuernException.class)
                .hasMessageContaining("another rate");
        int[] begun = {0};
        tune("stopped", 0.01, 1, true, (what, _, _) -> begun[0] += what.startsWith("epoch 1") ? 1 : 0);
        assertThat(begun[0]).isZero();
        for (String file : List.of("model.safetensors", "config.json")) {
            assertThat(Files.readAllBytes(directory.resolve("stopped").resolve(file)))
                    .isEqualTo(Files.readAllBytes(directory.resolve("whole").resolve(file)));
        }
    }
}
