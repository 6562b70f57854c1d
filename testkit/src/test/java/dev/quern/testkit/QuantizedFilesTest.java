package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.quern.core.Progress;
import dev.quern.core.UsageException;
import dev.quern.formats.Json;
import dev.quern.kernels.Workers;
import dev.quern.methods.Pipeline;
import dev.quern.methods.PipelineOptions;
import dev.quern.methods.PipelineOptions.CalibrationSource;
import dev.quern.methods.Recipe;
import dev.quern.models.Checkpoint;
import dev.quern.models.LinearInput;
import dev.quern.runtime.Model;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What quantize writes for quantized activations and KV caches is what both executors then run.
class QuantizedFilesTest {
    private static final Map<String, ?> ROWS = Map.of("bits", 8, "group-size", 0, "symmetric", true);
    private static final Map<String, ?> GROUPS = Map.of("bits", 4, "group-size", 32);

    @TempDir
    Path directory;

    private Path model = Path.of("");
    private Path text = Path.of("");

    @BeforeEach
    void makeModelAndText() throws IOException {
        model = TinyModels.write(TinyModels.named("qwen2"), directory.resolve("model"));
        text = directory.resolve("calibration.txt");
        Files.writeString(text, "the rain in the town and a cat on the roof of the inn, and other words. ".repeat(60));
    }

    private Path quantize(Map<String, ?> keys, Map<String, ?> others, String name) {
        return quantize("rtn", keys, others, name);
    }

    private Path quantize(String method, Map<String, ?> keys, Map<String, ?> others, String name) {
        CalibrationSource source = new CalibrationSource(text, 4, 32);
        PipelineOptions options = new PipelineOptions(2, 3, source, List.of(), true, false, false, 0);
        Path out = directory.resolve(name);
        assertThat(new Pipeline(model, out, Recipe.of(method, keys, others), options)
                        .run(Progress.NONE)
                        .verified())
                .isTrue();
        return out;
    }

    @Test
    void eightBitRowsWithDynamicInputsAreCompressedTensorsW8A8() {
        Path out = quantize(ROWS, Map.of("act-bits", 8, "act-symmetric", true), "w8a8");
        JsonNode config = Json.read(out.resolve("config.json"));
        assertThat(config.path("quantization_config").path("quant_method").asText())
                .isEqualTo("compressed-tensors");
        assertThat(config.has("quern")).isFalse();
        assertRuns(out, "a8 dynamic symmetric × int8", 0.02);
    }

    @Test
    void staticRangesLieInTheFile() {
        Path out = quantize(ROWS, Map.of("act-bits", 8, "act-range", "static", "act-symmetric", false), "static");
        try (Checkpoint checkpoint = Checkpoint.open(out)) {
            assertThat(checkpoint.tensors())
                    .extracting("name")
                    .contains(
                            "model.layers.2.mlp.down_proj.input_scale",
                            "model.layers.2.mlp.down_proj.input_zero_point");
        }
        assertRuns(out, "a8 static asymmetric × int8", 0.02);
    }

    @Test
    void columnsThatStayFloatsHaveNoPartInTheStoredRange() {
        Map<String, ?> fixed = Map.of("act-bits", 8, "act-range", "static");
        Path without = quantize("llm-int8", Map.of("threshold", 1e9), fixed, "without");
        Path apart = quantize("llm-int8", Map.of("threshold", 0, "share", 0.1), fixed, "apart");
        try (Checkpoint one = Checkpoint.open(without);
                Checkpoint other = Checkpoint.open(apart)) {
            assertThat(other.network().linears()).allSatisfy(linear -> {
                LinearInput input = other.weights().input(linear);
                assertThat(input.exact()).hasSize(linear.inFeatures() / 10);
                assertThat(scale(input)).isLessThan(scale(one.weights().input(linear)));
            });
        }
        assertRuns(apart, "a8 static symmetric × int8", 0.02);
    }

    private static float scale(LinearInput input) {
        return Objects.requireNonNull(input.range()).scale();
    }

    @Test
    void whatNoLayoutCanSayLiesInQuernsOwnObject() {
        Path out = quantize(GROUPS, Map.of("act-bits", 6, "act-symmetric", false, "kv-bits", 4), "own");
        JsonNode config = Json.read(out.resolve("config.json"));
        assertThat(config.path("quantization_config").path("quant_method").asText())
                .isEqualTo("gptq");
        assertThat(config.path("quern").path("kv").path("bits").asInt()).isEqualTo(4);
        try (Checkpoint checkpoint = Checkpoint.open(out)) {
            assertThat(checkpoint.weights().kv().bits()).isEqualTo(4);
        }
        assertRuns(out, "a6 dynamic asymmetric (simulated)", 0.1);
    }

    @Test
    void aGgufFileThatCannotSayItIsRefused() {
        assertThatThrownBy(() -> quantize(Map.of("bits", 4, "group-size", 32), Map.of("act-bits", 8), "x.gguf"))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("act-bits");
    }

    private static void assertRuns(Path out, String activations, double tolerance) {
        try (Checkpoint checkpoint = Checkpoint.open(out);
                Workers workers = Workers.of(2)) {
            checkpoint.requireSupported();
            Model java = new Model(checkpoint.network(), checkpoint.weights(), workers);
            assertThat(java.activations()).containsExactly(activations);
            LogitDifference difference = QuantizedParityTest.difference(checkpoint.network(), checkpoint.weights(), 40);
            assertThat(difference.mean()).as("%s", difference).isLessThan(tolerance);
        }
    }
}
