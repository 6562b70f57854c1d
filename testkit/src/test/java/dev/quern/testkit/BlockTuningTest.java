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

/// Codebooks that are trained with their block: nearer to the float block, the same codes, and the same bytes however
/// the run went.
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

    private QuantizeReport quantize(String name, int epochs, int threads, boolean resume, Progress progress) {
        PipelineOptions options = new PipelineOptions(
                threads, 3, new CalibrationSource(text, 9, 48), List.of("*.1.*o_proj"), true, resume, false, 0);
        Map<String, ?> keys = Map.of("vector-length", 2, "centroids", 16, "block-epochs", epochs, "block-rate", 0.01);
        return new Pipeline(model, directory.resolve(name), Recipe.of("vptq", keys, Map.of()), options).run(progress);
    }

    @Test
    void everyBlockComesNearerOnTextThatIsNotTrainedOn() {
        QuantizeReport report = quantize("tuned", 4, 2, false, Progress.NONE);
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
        QuantizeReport report = quantize("timed", 1, 2, false, Progress.NONE);
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

    @Test
    void aStoppedRunResumesToTheByteWhateverTheThreads() throws IOException {
        quantize("whole", 2, 2, false, Progress.NONE);
        try {
            quantize("stopped", 2, 1, false, (what, _, _) -> {
                if (what.startsWith("tuning block 2, epoch 2")) {
                    throw new IllegalStateException("stopped");
                }
            });
        } catch (IllegalStateException e) {
            assertThat(e).hasMessage("stopped");
        }
        quantize("stopped", 2, 1, true, Progress.NONE);
        for (String file : FILES) {
            assertThat(Files.readAllBytes(directory.resolve("stopped").resolve(file)))
                    .as(file)
                    .isEqualTo(Files.readAllBytes(directory.resolve("whole").resolve(file)));
        }
    }
}
