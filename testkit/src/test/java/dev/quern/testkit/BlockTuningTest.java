package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.quern.core.Progress;
import dev.quern.methods.LayerReport;
import dev.quern.methods.Phases;
import dev.quern.methods.Pipeline;
import dev.quern.methods.PipelineOptions;
import dev.quern.methods.PipelineOptions.CalibrationSource;
import dev.quern.methods.QuantizeReport;
import dev.quern.methods.Recipe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Codebooks and scales that are trained with their block: nearer to the float block, and the same bytes however a run
/// went.
class BlockTuningTest {
    private static final Pattern LOSSES = Pattern.compile("loss went from (\\S+) to ([^;]+);");
    private static final List<String> FILES = List.of("model.safetensors", "config.json", "quern.json");

    @TempDir
    Path directory;

    private Path model = Path.of("");
    private Path text = Path.of("");

    @BeforeEach
    void makeModelAndText() {
        model = TinyModels.write(TinyModels.named("llama").with("head_dim", "32"), directory.resolve("model"));
        text = CalibrationText.in(directory);
    }

    private static Recipe recipe(String method, int epochs) {
        Map<String, ?> keys = method.equals("vptq")
                ? Map.of("vector-length", 2, "centroids", 16, "block-epochs", epochs, "block-rate", 0.01)
                : Map.of("bits", 2, "group-size", 32, "block-epochs", epochs, "block-rate", 0.01);
        return Recipe.of(method, keys, Map.of());
    }

    private QuantizeReport quantize(Recipe recipe, String name, int threads, boolean resume, Progress progress) {
        PipelineOptions options = new PipelineOptions(
                threads, 3, new CalibrationSource(text, 9, 48), List.of("*.1.*o_proj"), true, resume, false, 0);
        return new Pipeline(model, directory.resolve(name), recipe, options).run(progress);
    }

    @ParameterizedTest
    @ValueSource(strings = {"vptq", "gptq"})
    void everyBlockComesNearerOnTextThatIsNotTrainedOn(String method) {
        QuantizeReport report = quantize(recipe(method, 4), "tuned", 2, false, Progress.NONE);
        Map<String, Double> gains = new TreeMap<>();
        for (LayerReport layer : report.layers()) {
            String notes = String.join("; ", layer.notes());
            Matcher losses = LOSSES.matcher(notes);
            assertThat(losses.find()).as("%s: %s", layer.name(), notes).isTrue();
            String block = layer.name().replaceAll("(layers\\.\\d+)\\..*", "$1");
            gains.put(block, Double.parseDouble(losses.group(2)) / Double.parseDouble(losses.group(1)));
        }
        assertThat(gains).hasSize(4);
        assertThat(gains.values()).allMatch(gain -> gain <= 1).anyMatch(gain -> gain < 0.95);
    }

    @Test
    void theReportTellsWhereTheTimeWent() {
        long begun = System.nanoTime();
        QuantizeReport report = quantize(recipe("vptq", 1), "timed", 2, false, Progress.NONE);
        double whole = (System.nanoTime() - begun) / 1e9;
        assertThat(report.phases())
                .extracting(Phases.Phase::name)
                .contains(
                        "calibration",
                        "moments",
                        "k-means seeds",
                        "k-means rounds",
                        "column loop",
                        "centroid fit",
                        "norm fit",
                        "index descent",
                        "block training",
                        "writing",
                        "verifying",
                        Phases.OTHER);
        assertThat(report.seconds()).isEqualTo(Phases.total(report.phases())).isBetween(0.9 * whole, whole);
    }

    @ParameterizedTest
    @ValueSource(strings = {"vptq", "gptq"})
    void aStoppedRunResumesToTheByteWhateverTheThreads(String method) throws IOException {
        Recipe recipe = recipe(method, 2);
        quantize(recipe, "whole", 2, false, Progress.NONE);
        try {
            quantize(recipe, "stopped", 1, false, (what, _, _) -> {
                if (what.startsWith("tuning block 2, epoch 2")) {
                    throw new IllegalStateException("stopped");
                }
            });
        } catch (IllegalStateException e) {
            assertThat(e).hasMessage("stopped");
        }
        quantize(recipe, "stopped", 1, true, Progress.NONE);
        for (String file : FILES) {
            assertThat(Files.readAllBytes(directory.resolve("stopped").resolve(file)))
                    .as(file)
                    .isEqualTo(Files.readAllBytes(directory.resolve("whole").resolve(file)));
        }
    }
}
