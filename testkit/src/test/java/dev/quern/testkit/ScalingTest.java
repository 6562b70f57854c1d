package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.quern.core.ActivationScheme;
import dev.quern.core.Progress;
import dev.quern.formats.Json;
import dev.quern.kernels.Workers;
import dev.quern.methods.BlockReport;
import dev.quern.methods.Pipeline;
import dev.quern.methods.PipelineOptions;
import dev.quern.methods.PipelineOptions.CalibrationSource;
import dev.quern.methods.QuantizeReport;
import dev.quern.methods.Recipe;
import dev.quern.models.Checkpoint;
import dev.quern.runtime.Model;
import dev.quern.runtime.Session;
import dev.quern.torch.TorchModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Methods that scale, alone and in recipes, on whole tiny models: what is promised of every block, and of the
/// files.
final class ScalingTest {
    @TempDir
    Path directory;

    private Path text = Path.of("");

    @BeforeEach
    void makeText() {
        text = CalibrationText.in(directory);
    }

    private QuantizeReport quantize(Path model, String recipe, Path out, List<String> exclude, boolean resume) {
        PipelineOptions options =
                new PipelineOptions(2, 3, new CalibrationSource(text, 6, 48), exclude, true, resume, false, 0);
        return new Pipeline(model, out, Recipe.parse(recipe, "recipe"), options).run(Progress.NONE);
    }

    private Path model(String name) {
        // heads whose outputs fill the words of every layout
        TinyModel model = TinyModels.named(name).with("head_dim", "32");
        return TinyModels.write(model, directory.resolve(name));
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "qwen2", "qwen3", "gemma3", "llama-bias", "qwen3-tied"})
    void noBlockIsWorseThanLeftAlone(String name) {
        for (String recipe : List.of(
                "- {method: awq, grid: 4}\n- {method: rtn, bits: 3, group-size: 32}",
                "methods: [{method: smoothquant, grid: 4}, {method: rtn, bits: 8, group-size: 0, symmetric: true}]\n"
                        + "act-bits: 8\nact-range: static")) {
            Path out = directory.resolve("out-" + recipe.hashCode());
            QuantizeReport report = quantize(model(name), recipe, out, List.of(), false);
            assertThat(report.blocks()).hasSize(4);
            for (BlockReport block : report.blocks()) {
                assertThat(block.outcome().lossAfter())
                        .isLessThanOrEqualTo(block.outcome().lossBefore());
            }
            assertThat(report.blocks())
                    .anyMatch(block ->
                            block.outcome().lossAfter() < 0.98 * block.outcome().lossBefore());
        }
    }

    @Test
    void awqOfRatioNoneIsRoundToNearest() {
        Path model = model("llama");
        quantize(model, "- {method: rtn, bits: 3, group-size: 32}", directory.resolve("rtn"), List.of(), false);
        quantize(
                model,
                "- {method: awq, grid: 1, duo: false, refine: false, clip: false}\n"
                        + "- {method: rtn, bits: 3, group-size: 32}",
                directory.resolve("awq"),
                List.of(),
                false);
        assertThat(logits(directory.resolve("awq"))).isEqualTo(logits(directory.resolve("rtn")));
    }

    @Test
    void zeroQuantWithoutDistillationIsRoundToNearest() {
        Path model = model("llama");
        quantize(model, "- {method: rtn, bits: 4, group-size: 32}", directory.resolve("rtn"), List.of(), false);
        quantize(
                model,
                "methods: [{method: zeroquant}, {method: rtn, bits: 4, group-size: 32}]\nact-bits: 16",
                directory.resolve("zq"),
                List.of(),
                false);
        assertThat(logits(directory.resolve("zq"))).isEqualTo(logits(directory.resolve("rtn")));
    }

    @Test
    void distillationBringsBlocksNearerAndNeverHurts() {
        QuantizeReport report = quantize(
                model("llama"),
                "methods: [{method: zeroquant, steps: 40, rate: 0.001}, {method: rtn, bits: 3, group-size: 32}]\n"
                        + "act-bits: 8",
                directory.resolve("out"),
                List.of(),
                false);
        for (BlockReport block : report.blocks()) {
            assertThat(block.outcome().lossAfter())
                    .isLessThanOrEqualTo(block.outcome().lossBefore());
        }
        assertThat(report.blocks())
                .anyMatch(block -> block.outcome().lossAfter() < block.outcome().lossBefore());
    }

    static List<String> recipes() {
        String rows = "{method: rtn, bits: 8, group-size: 0, symmetric: true}";
        return List.of(
                "- {method: smoothquant, grid: 4}\n- {method: gptq, bits: 4, group-size: 32}",
                "- {method: awq, grid: 4}\n- {method: gptq, bits: 3, group-size: 32}",
                "- {method: affinequant, epochs: 1}\n- {method: gptq, bits: 3, group-size: 32}",
                "- {method: awq, grid: 4}\n- {method: rtn, bits: 4, group-size: 32}",
                "methods: [{method: smoothquant, grid: 4}, " + rows + "]\nact-range: static",
                "methods: [{method: smoothquant, grid: 4}, {method: llm-int8, threshold: 0, share: 0.1}]\nact-range: static",
                "methods: [{method: smoothquant, grid: 4}, " + rows + "]\nact-range: dynamic",
                "methods: [{method: smoothquant, where: norms, search: false}, " + rows + "]\nact-bits: 8",
                "- {method: smoothquant, grid: 4}\n- {method: awq, grid: 4}\n- {method: rtn, bits: 4, group-size: 32}",
                "methods: [{method: rtn, bits: 4, group-size: 32}]\nact-bits: 4",
                "methods: [{method: gptq, bits: 4, group-size: 32}]\nact-bits: 6\nact-range: static",
                "- {method: llm-int8, threshold: 2}",
                "methods: [{method: zeroquant}, {method: rtn, bits: 8, group-size: 32, symmetric: true}]\nkv-bits: 4");
    }

    @ParameterizedTest
    @MethodSource("recipes")
    void everyRecipeRunsResumesToTheByteAndMeansTheSameToBothExecutors(String recipe) throws IOException {
        Path model = model("qwen2");
        Path whole = directory.resolve("whole");
        quantize(model, recipe, whole, List.of("*.1.*down_proj"), false);
        Path stopped = directory.resolve("stopped");
        PipelineOptions options = new PipelineOptions(
                2, 3, new CalibrationSource(text, 6, 48), List.of("*.1.*down_proj"), true, false, false, 0);
        try {
            new Pipeline(model, stopped, Recipe.parse(recipe, "recipe"), options).run((what, _, _) -> {
                if (what.equals("model.layers.2.mlp.up_proj")) {
                    throw new IllegalStateException("stopped");
                }
            });
        } catch (IllegalStateException e) {
            assertThat(e).hasMessage("stopped");
        }
        quantize(model, recipe, stopped, List.of("*.1.*down_proj"), true);
        for (String file : List.of("model.safetensors", "config.json", "quern.json")) {
            assertThat(Files.readAllBytes(stopped.resolve(file))).isEqualTo(Files.readAllBytes(whole.resolve(file)));
        }
        // where inputs are quantized, a last bit of difference can move a code, and later layers make more of it
        boolean floats = Recipe.parse(recipe, "recipe").activations().scheme().equals(ActivationScheme.FLOAT);
        assertThat(difference(whole)).isLessThan(floats ? 1e-3 : 0.2);
    }

    /// How far the packed kernels are from libtorch's simulation of the written files.
    private static double difference(Path out) {
        try (Checkpoint checkpoint = Checkpoint.open(out);
                Workers workers = Workers.of(2);
                TorchModel torch = TorchModel.load(checkpoint.network(), checkpoint.weights())) {
            int[] tokens = tokens(torch.vocabSize());
            float[] packed = new Session(new Model(checkpoint.network(), checkpoint.weights(), workers))
                    .logits(tokens)
                    .data();
            return LogitDifference.between(packed, torch.logits(tokens), torch.vocabSize())
                    .relative();
        }
    }

    private static float[] logits(Path out) {
        try (Checkpoint checkpoint = Checkpoint.open(out);
                TorchModel torch = TorchModel.load(checkpoint.network(), checkpoint.weights())) {
            return torch.logits(tokens(torch.vocabSize()));
        }
    }

    private static int[] tokens(int vocabSize) {
        return IntStream.range(0, 40).map(i -> (i * i * 7 + 3) % vocabSize).toArray();
    }

    @ParameterizedTest
    @CsvSource({"1000000, 0", "0, 1"})
    void theThresholdOfLlmInt8DecidesBetweenEightBitsAndSixteen(double threshold, double share) {
        QuantizeReport report = quantize(
                model("llama"),
                "- {method: llm-int8, threshold: " + threshold + "}",
                directory.resolve("out"),
                List.of(),
                false);
        report.layers().forEach(layer -> {
            String outliers = layer.encoding().substring("llm-int8-o".length());
            int inputs = layer.name().endsWith("down_proj") ? 96 : layer.name().endsWith("o_proj") ? 128 : 64;
            assertThat(Integer.parseInt(outliers)).isEqualTo((int) (share * inputs));
            // F16 columns round by 2^-12 of a weight at most
            assertThat(layer.relativeError()).isLessThan(share == 1 ? 1e-7 : 1e-4);
        });
    }

    @Test
    void theManifestAndTheCardTellWhatHappenedToEachBlock() throws IOException {
        Path out = directory.resolve("out");
        quantize(
                model("llama"),
                "- {method: awq, grid: 4}\n- {method: rtn, bits: 4, group-size: 32}",
                out,
                List.of(),
                false);
        JsonNode blocks = Json.read(out.resolve("quern.json")).path("blocks");
        assertThat(blocks).hasSize(4);
        assertThat(blocks.get(2).path("block").asInt()).isEqualTo(2);
        assertThat(blocks.get(2).path("method").asText()).isEqualTo("awq");
        assertThat(blocks.get(2).path("loss_after").asDouble()).isPositive();
        assertThat(Files.readString(out.resolve("README.md"))).contains("| 2 | awq |");
    }

    /// Both ways of a transform before a method that knows its inputs' moments: kept at some strength, or undone.
    @Test
    void whatTheWeightMethodMakesOfATransformDecides() {
        Path out = directory.resolve("out");
        quantize(
                model("llama"),
                "- {method: affinequant, epochs: 4}\n- {method: gptq, bits: 3, group-size: 32}",
                out,
                List.of(),
                false);
        for (JsonNode block : Json.read(out.resolve("quern.json")).path("blocks")) {
            JsonNode figures = block.path("figures");
            double after = figures.path("loss_of_codes").asDouble();
            double before = figures.path("loss_of_codes_before").asDouble();
            assertThat(Math.min(after, before)).as("%s", block).isPositive();
            assertThat(figures.path("strength").asDouble()).isBetween(0.25, 1.0);
            assertThat(block.path("fallback").asText().startsWith("identity: transformed"))
                    .as("%s", block)
                    .isEqualTo(after >= before);
        }
    }
}
