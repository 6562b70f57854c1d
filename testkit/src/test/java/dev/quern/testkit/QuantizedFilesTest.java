package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.quern.core.DType;
import dev.quern.core.Progress;
import dev.quern.core.Tensor;
import dev.quern.core.UsageException;
import dev.quern.formats.Json;
import dev.quern.formats.Safetensors;
import dev.quern.formats.SafetensorsFile;
import dev.quern.formats.StoredTensor;
import dev.quern.formats.TensorPlan;
import dev.quern.kernels.Workers;
import dev.quern.methods.Pipeline;
import dev.quern.methods.PipelineOptions;
import dev.quern.methods.PipelineOptions.CalibrationSource;
import dev.quern.methods.Recipe;
import dev.quern.models.Checkpoint;
import dev.quern.models.Linear;
import dev.quern.models.LinearInput;
import dev.quern.runtime.Model;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
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
    void makeModelAndText() {
        model = TinyModels.write(TinyModels.named("qwen2"), directory.resolve("model"));
        text = CalibrationText.in(directory);
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
        assertRuns(out, 0.02, "a8 dynamic symmetric × int8");
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
        assertRuns(out, 0.02, "a8 static asymmetric × int8");
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
        assertRuns(apart, 0.02, "a8 static symmetric × int8");
    }

    private static float scale(LinearInput input) {
        return Objects.requireNonNull(input.range()).scale();
    }

    @Test
    void aLayerThatOneRangeDoesNotServeKeepsARangeForEachToken() {
        String layer = "model.layers.1.mlp.down_proj";
        model = withRareHugeInputs(1);
        Path out = quantize(ROWS, Map.of("act-bits", 8, "act-range", "mixed"), "mixed");
        assertThat(Json.read(out.resolve("config.json")).has("quern")).isFalse();
        try (Checkpoint checkpoint = Checkpoint.open(out)) {
            assertThat(checkpoint.network().linears())
                    .filteredOn(linear ->
                            checkpoint.weights().input(linear).scheme().dynamic())
                    .extracting(Linear::name)
                    .containsExactly(layer);
        }
        assertRuns(out, 0.02, "a8 static symmetric × int8", "a8 dynamic symmetric × int8");
        Path six = quantize(ROWS, Map.of("act-bits", 6, "act-range", "mixed"), "six");
        assertThat(Json.read(six.resolve("config.json")).path("quern").path("inputs"))
                .isNotEmpty();
        try (Checkpoint checkpoint = Checkpoint.open(six)) {
            assertThat(checkpoint.network().linears())
                    .extracting(linear ->
                            checkpoint.weights().input(linear).scheme().bits())
                    .containsOnly(6);
        }
        JsonNode fixed = Json.read(quantize(ROWS, Map.of("act-bits", 8, "act-range", "static"), "static")
                .resolve("config.json"));
        assertThat(fixed.path("quantization_config").path("config_groups")).hasSize(1);
    }

    /// The model, where one channel of a layer's inner activations is huge for some tokens and nothing for the others.
    private Path withRareHugeInputs(int layer) {
        Set<String> rows = Set.of("gate_proj", "up_proj").stream()
                .map(name -> "model.layers." + layer + ".mlp." + name + ".weight")
                .collect(Collectors.toSet());
        List<TensorPlan> plans = new ArrayList<>();
        try (SafetensorsFile file = Safetensors.open(model)) {
            for (StoredTensor stored : file.stored()) {
                Tensor tensor = file.tensor(stored.name());
                float[] values = tensor.toFloats();
                if (rows.contains(stored.name())) {
                    int cols = (int) tensor.shape().dim(1);
                    for (int i = 0; i < cols; i++) {
                        values[3 * cols + i] *= 300;
                    }
                }
                plans.add(TensorPlan.of(
                        stored.name(),
                        new Tensor(
                                DType.F32,
                                tensor.shape(),
                                Tensor.of(values, values.length).data())));
            }
        }
        Path huge = TinyModels.write(TinyModels.named("qwen2"), directory.resolve("huge"));
        Safetensors.writeDirectory(huge, plans, 1L << 30, Map.of("format", "pt"));
        return huge;
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
        assertRuns(out, 0.1, "a6 dynamic asymmetric (simulated)");
    }

    @Test
    void rangesThatAreCutAreCutWhereTheFileIsRead() {
        Path out = quantize(GROUPS, Map.of("act-bits", 4, "act-clip", 0.9), "cut");
        assertRuns(out, 0.2, "a4 dynamic asymmetric clip 0.9 (simulated)");
    }

    @Test
    void aGgufFileThatCannotSayItIsRefused() {
        assertThatThrownBy(() -> quantize(Map.of("bits", 4, "group-size", 32), Map.of("act-bits", 8), "x.gguf"))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("act-bits");
    }

    private static void assertRuns(Path out, double tolerance, String... activations) {
        try (Checkpoint checkpoint = Checkpoint.open(out);
                Workers workers = Workers.of(2)) {
            checkpoint.requireSupported();
            Model java = new Model(checkpoint.network(), checkpoint.weights(), workers);
            assertThat(java.activations()).containsExactlyInAnyOrder(activations);
            LogitDifference difference = QuantizedParityTest.difference(checkpoint.network(), checkpoint.weights(), 40);
            assertThat(difference.mean()).as("%s", difference).isLessThan(tolerance);
        }
    }
}
