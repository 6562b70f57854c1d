package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.quern.core.Progress;
import dev.quern.core.QuernException;
import dev.quern.core.UnsupportedModelException;
import dev.quern.formats.Safetensors;
import dev.quern.formats.SafetensorsFile;
import dev.quern.methods.Pipeline;
import dev.quern.methods.PipelineOptions;
import dev.quern.methods.PipelineOptions.CalibrationSource;
import dev.quern.methods.Recipe;
import dev.quern.methods.TuneRun;
import dev.quern.methods.Verification;
import dev.quern.models.Checkpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// End-to-end tuning: nearer to the float model on other text, codes as they were, and nothing lost by a kill.
class TuneRunTest {
    /// Of 34 sequences four judge.
    private static final int TRAINING = 30;

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
        quantize(Recipe.of("vptq", Map.of("vector-length", 2, "centroids", 16), Map.of()));
    }

    private void quantize(Recipe recipe) {
        PipelineOptions options = new PipelineOptions(2, 3, calibration, List.of(), true, false, true, 0);
        new Pipeline(model, quantized, recipe, options).run(Progress.NONE);
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

    /// The layouts of integer codes, and inputs held in few bits.
    @ParameterizedTest
    @ValueSource(
            strings = {
                "{methods: [{method: gptq, bits: 2, group-size: 32}]}",
                "{methods: [{method: rtn, bits: 5, group-size: 32, symmetric: true}]}",
                "{methods: [{method: awq}, {method: rtn, bits: 4, group-size: 32}]}",
                "{methods: [{method: rtn, bits: 3, group-size: 32}], act-bits: 6, kv-bits: 4}"
            })
    void scalesAreTrainedInEveryLayout(String recipe) throws IOException {
        quantize(Recipe.parse(recipe, "test"));
        TuneRun.Report report = tune("tuned", 0.01, 2, false, Progress.NONE);
        assertThat(report.after()).isLessThan(0.98 * report.before());
        try (SafetensorsFile before = Safetensors.open(quantized);
                SafetensorsFile after = Safetensors.open(directory.resolve("tuned"))) {
            assertThat(after.names()).containsExactlyElementsOf(before.names());
            Set<String> moved = new TreeSet<>();
            for (String name : before.names()) {
                if (before.tensor(name).data().mismatch(after.tensor(name).data()) >= 0) {
                    moved.add(name.substring(name.lastIndexOf('.') + 1));
                }
            }
            assertThat(moved).hasSize(1).allMatch(name -> name.contains("scale"));
        }
        try (Checkpoint tuned = Checkpoint.open(directory.resolve("tuned"))) {
            assertThat(Verification.of(tuned, Progress.NONE).problems()).isEmpty();
        }
    }

    @Test
    void theFloatModelMayLackBiasesThatATransformAdded() {
        quantize(Recipe.parse(
                "{methods: [{method: affinequant, epochs: 1, shift: true}, {method: rtn, bits: 3, group-size: 32}]}",
                "test"));
        try (SafetensorsFile file = Safetensors.open(quantized)) {
            assertThat(file.names()).anyMatch(name -> name.endsWith(".bias"));
        }
        TuneRun.Report report = tune("tuned", 0.01, 2, false, Progress.NONE);
        assertThat(report.after()).isLessThan(0.98 * report.before());
    }

    @Test
    void aModelWithoutCodesIsRefusedInOneLine() {
        assertThatThrownBy(() -> new TuneRun(new TuneRun.Options(
                                model, model, directory.resolve("none"), calibration, 1, 0.01, 1, 0, false))
                        .run(Progress.NONE))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContaining(model.toString())
                .hasMessageContaining("neither integer codes");
        assertThat(directory.resolve("none")).doesNotExist();
    }

    @Test
    void anEpochThatMakesThingsWorseIsUndone() {
        TuneRun.Report report = tune("wild", 0.9, 2, false, Progress.NONE);
        assertThat(report.after()).isLessThanOrEqualTo(report.before());
        assertThat(report.notes()).isNotEmpty().allMatch(note -> note.contains("undone"));
    }

    /// Killed in the first epoch, in a later one, and at the beginning of one: it goes on from the last record.
    @ParameterizedTest
    @CsvSource({"1, 20, 16", "2, 28, 16", "3, 0, 0", "3, 16, 16"})
    void aKilledRunGoesOnFromWhereItStoodToTheSameBytes(int epoch, int sequences, int from) throws IOException {
        tune("whole", 0.01, 2, false, Progress.NONE);
        stop(epoch, sequences);
        assertThat(firstStatusOfResumed()).isEqualTo((epoch - 1) * TRAINING + from);
        assertSameFiles();
    }

    @Test
    void aDamagedRecordOfAnEpochIsNotUsed() throws IOException {
        tune("whole", 0.01, 2, false, Progress.NONE);
        stop(2, 20);
        List<Path> records;
        try (Stream<Path> files = Files.list(directory.resolve("stopped.quern-work"))) {
            records = files.filter(file -> file.getFileName().toString().startsWith("underway-"))
                    .toList();
        }
        assertThat(records).hasSize(1);
        byte[] bytes = Files.readAllBytes(records.getFirst());
        bytes[bytes.length - 1] ^= 1;
        Files.write(records.getFirst(), bytes);
        assertThat(firstStatusOfResumed()).isEqualTo(TRAINING);
        assertSameFiles();
    }

    @Test
    void aStoppedRunGoesOnOnlyWhenAskedAndWithTheSameSettings() {
        stop(1, 20);
        assertThatThrownBy(() -> tune("stopped", 0.01, 1, false, Progress.NONE))
                .isInstanceOf(QuernException.class)
                .hasMessageContaining("--resume");
        assertThatThrownBy(() -> tune("stopped", 0.02, 1, true, Progress.NONE))
                .isInstanceOf(QuernException.class)
                .hasMessageContaining("another rate");
    }

    private void stop(int epoch, int sequences) {
        assertThatThrownBy(() -> tune("stopped", 0.01, 1, false, (what, done, _) -> {
                    if (what.startsWith("epoch ") && done >= (epoch - 1) * TRAINING + sequences) {
                        throw new IllegalStateException("stopped");
                    }
                }))
                .hasMessage("stopped");
    }

    private long firstStatusOfResumed() {
        List<Long> statuses = new ArrayList<>();
        tune("stopped", 0.01, 1, true, (what, done, _) -> {
            if (what.startsWith("epoch ")) {
                statuses.add(done);
            }
        });
        return statuses.getFirst();
    }

    private void assertSameFiles() throws IOException {
        for (String file : List.of("model.safetensors", "config.json")) {
            assertThat(Files.readAllBytes(directory.resolve("stopped").resolve(file)))
                    .isEqualTo(Files.readAllBytes(directory.resolve("whole").resolve(file)));
        }
    }
}
