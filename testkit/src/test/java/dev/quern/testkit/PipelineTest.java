package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.quern.core.BlockType;
import dev.quern.core.DenseWeight;
import dev.quern.core.NumericException;
import dev.quern.core.Progress;
import dev.quern.core.QuernException;
import dev.quern.core.Tensor;
import dev.quern.core.UsageException;
import dev.quern.formats.Json;
import dev.quern.formats.OutputLock;
import dev.quern.formats.Safetensors;
import dev.quern.formats.SafetensorsFile;
import dev.quern.formats.TensorPlan;
import dev.quern.methods.Methods;
import dev.quern.methods.Phases;
import dev.quern.methods.Pipeline;
import dev.quern.methods.PipelineOptions;
import dev.quern.methods.PipelineOptions.CalibrationSource;
import dev.quern.methods.Plan;
import dev.quern.methods.QuantizeReport;
import dev.quern.methods.Recipe;
import dev.quern.models.Checkpoint;
import dev.quern.models.Linear;
import dev.quern.torch.TorchModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Whole runs of the pipeline on tiny models; every method of the registry goes through the same laws.
final class PipelineTest {
    private static final Map<String, Integer> GROUPS = Map.of("group-size", 32);

    @TempDir
    Path directory;

    private Path model = Path.of("");
    private Path text = Path.of("");

    static List<String> methods() {
        return Methods.names();
    }

    @BeforeEach
    void makeModelAndText() {
        model = TinyModels.write(TinyModels.named("llama"), directory.resolve("model"));
        text = CalibrationText.in(directory);
    }

    private Pipeline pipeline(String method, Path out, int threads, boolean resume) {
        CalibrationSource source = new CalibrationSource(text, 6, 48);
        PipelineOptions options = new PipelineOptions(threads, 3, source, List.of(), true, resume, false, 0);
        return new Pipeline(model, out, tiny(method), options);
    }

    /// A recipe of `method` for models whose rows are short.
    private static Recipe tiny(String method) {
        Map<String, ?> keys = switch (method) {
            case "vptq" -> Map.of("centroids", 64, "vector-length", 2);
            case "llm-int8" -> Map.of("threshold", 2);
            case "nf4", "fp4" -> Map.of("block-size", 32);
            default -> GROUPS;
        };
        return Recipe.of(method, keys);
    }

    private QuantizeReport quantize(String method, Path out, int threads) {
        return pipeline(method, out, threads, false).run(Progress.NONE);
    }

    private static Map<String, String> files(Path folder) {
        Map<String, String> contents = new TreeMap<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                contents.put(
                        String.valueOf(file.getFileName()),
                        new String(Files.readAllBytes(file), java.nio.charset.StandardCharsets.ISO_8859_1));
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        return contents;
    }

    @ParameterizedTest
    @MethodSource("methods")
    void theOutputIsACompleteModelInTheLayoutItClaims(String method) {
        Path out = directory.resolve("out");
        QuantizeReport report = quantize(method, out, 2);
        assertThat(report.verified()).isTrue();
        assertThat(report.phases())
                .extracting(Phases.Phase::name)
                .contains(method, "writing", "verifying", Phases.OTHER);
        assertThat(report.toJson().path("phases")).hasSameSizeAs(report.phases());
        assertThat(files(out).keySet())
                .contains(
                        "config.json",
                        "model.safetensors",
                        "quern.json",
                        "README.md",
                        "tokenizer.json",
                        "tokenizer_config.json");
        assertThat(directory.resolve("out.quern-work")).doesNotExist();
        try (Checkpoint checkpoint = Checkpoint.open(out);
                TorchModel runnable = TorchModel.load(checkpoint.network(), checkpoint.weights())) {
            for (Linear linear : checkpoint.network().linears()) {
                assertThat(checkpoint.weights().weight(linear.weightName())).isNotInstanceOf(DenseWeight.class);
            }
            float[] logits = runnable.logits(new int[] {1, 40, 77, 120, 5});
            for (float logit : logits) {
                assertThat(logit).isFinite();
            }
        }
        JsonNode manifest = Json.read(out.resolve("quern.json"));
        assertThat(manifest.path("method").asText()).isEqualTo(method);
        assertThat(manifest.path("layers")).hasSize(report.layers().size());
        assertThat(manifest.path("seed").asInt()).isEqualTo(3);
    }

    @ParameterizedTest
    @MethodSource("methods")
    void theBytesDoNotDependOnTheNumberOfThreads(String method) {
        quantize(method, directory.resolve("one"), 1);
        quantize(method, directory.resolve("three"), 3);
        assertThat(files(directory.resolve("three"))).isEqualTo(files(directory.resolve("one")));
    }

    @ParameterizedTest
    @MethodSource("methods")
    void aRunThatStopsAnywhereGoesOnToTheSameBytes(String method) {
        quantize(method, directory.resolve("whole"), 2);
        Path out = directory.resolve("stopped");
        List<String> stops = List.of(
                "model.layers.0.mlp.up_proj",
                "model.layers.1.self_attn.q_proj",
                "model.layers.3.mlp.down_proj",
                "writing");
        for (int i = 0; i < stops.size(); i++) {
            String stop = stops.get(i);
            boolean resume = i > 0;
            assertThatThrownBy(() -> pipeline(method, out, 2, resume).run((what, done, total) -> {
                        if (what.equals(stop)) {
                            throw new IllegalStateException("stopped");
                        }
                    }))
                    .hasMessage("stopped");
            assertThat(out.resolve("quern.json")).doesNotExist();
        }
        pipeline(method, out, 2, true).run(Progress.NONE);
        assertThat(files(out)).isEqualTo(files(directory.resolve("whole")));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 5})
    void aKilledProcessLeavesWhatAResumeNeeds(int lines) throws Exception {
        quantize("gptq", directory.resolve("whole"), 2);
        Path out = directory.resolve("killed");
        Path journal = directory.resolve("killed.quern-work/journal.jsonl");
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--add-modules=jdk.incubator.vector",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Killed.class.getName(),
                        model.toString(),
                        out.toString(),
                        text.toString())
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("killed.log").toFile())
                .start();
        while (process.isAlive()
                && (!Files.exists(journal) || Files.readAllLines(journal).size() < lines)) {
            Thread.sleep(5);
        }
        process.destroyForcibly();
        assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(Files.exists(journal) || Files.exists(out.resolve("quern.json")))
                .as(Files.readString(directory.resolve("killed.log")))
                .isTrue();
        pipeline("gptq", out, 2, true).run(Progress.NONE);
        assertThat(files(out)).isEqualTo(files(directory.resolve("whole")));
    }

    /// What `aKilledProcessLeavesWhatAResumeNeeds` runs and kills: slowly, so that it is killed in time.
    static final class Killed {
        private Killed() {}

        public static void main(String[] arguments) {
            CalibrationSource source = new CalibrationSource(Path.of(arguments[2]), 6, 48);
            PipelineOptions options = new PipelineOptions(2, 3, source, List.of(), true, false, false, 0);
            new Pipeline(Path.of(arguments[0]), Path.of(arguments[1]), Recipe.of("gptq", GROUPS), options)
                    .run((what, done, total) -> pause());
        }

        private static void pause() {
            try {
                Thread.sleep(20);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    @Test
    void aDamagedBlockIsMadeAnew() throws IOException {
        quantize("rtn", directory.resolve("whole"), 1);
        Path out = directory.resolve("damaged");
        assertThatThrownBy(() -> pipeline("rtn", out, 1, false).run(stopAt("writing")));
        Path part = directory.resolve("damaged.quern-work/block-00001.safetensors");
        byte[] bytes = Files.readAllBytes(part);
        bytes[bytes.length - 3] ^= 4;
        Files.write(part, bytes);
        pipeline("rtn", out, 1, true).run(Progress.NONE);
        assertThat(files(out)).isEqualTo(files(directory.resolve("whole")));
    }

    @Test
    void progressGrowsWhileABlockIsTrainedAlsoBehindAResume() {
        Path out = directory.resolve("trained");
        Recipe recipe = Recipe.of("affinequant", Map.of("epochs", 4, "group-size", 32));
        CalibrationSource source = new CalibrationSource(text, 6, 48);
        List<Long> done = new ArrayList<>();
        assertThatThrownBy(() -> new Pipeline(
                                model, out, recipe, new PipelineOptions(1, 3, source, List.of(), true, false, false, 0))
                        .run((what, count, total) -> {
                            if (what.startsWith("affinequant 0: epoch")) {
                                done.add(count);
                            }
                            stopAt("model.layers.1.self_attn.q_proj").at(what, count, total);
                        }))
                .hasMessage("stopped");
        assertThat(done).hasSize(4).isSorted().doesNotHaveDuplicates();
        assertThat(done.getFirst()).isPositive();
        List<String> replayed = new ArrayList<>();
        List<Long> resumed = new ArrayList<>();
        new Pipeline(model, out, recipe, new PipelineOptions(1, 3, source, List.of(), true, true, false, 0))
                .run((what, count, total) -> {
                    if (what.startsWith("replaying")) {
                        replayed.add(count + " of " + total);
                    } else if (!what.startsWith("checking")) {
                        resumed.add(count);
                    }
                });
        assertThat(replayed).containsExactly("0 of 1");
        assertThat(resumed).isSorted();
        assertThat(resumed.getFirst()).isEqualTo(100);
    }

    private static Progress stopAt(String stop) {
        return (what, done, total) -> {
            if (what.equals(stop)) {
                throw new IllegalStateException("stopped");
            }
        };
    }

    @Test
    void anUnfinishedRunIsNeitherOverwrittenNorMixedWithAnother() {
        Path out = directory.resolve("out");
        assertThatThrownBy(() -> pipeline("gptq", out, 1, false).run(stopAt("model.layers.2.self_attn.q_proj")));
        assertThatThrownBy(() -> quantize("gptq", out, 1))
                .isInstanceOf(QuernException.class)
                .hasMessageContaining("--resume");
        assertThatThrownBy(() -> pipeline("rtn", out, 1, true).run(Progress.NONE))
                .isInstanceOf(QuernException.class)
                .hasMessageContaining("recipe");
    }

    @Test
    void aFinishedModelIsNotOverwrittenUnasked() {
        Path out = directory.resolve("out");
        quantize("rtn", out, 1);
        assertThatThrownBy(() -> quantize("rtn", out, 1)).hasMessageContaining("--overwrite");
    }

    @Test
    void aSecondRunOnTheSameOutputIsRefused() throws IOException {
        Path folder = Files.createDirectories(directory.resolve("out.quern-work"));
        try (OutputLock _ = OutputLock.ofDirectory(folder)) {
            assertThatThrownBy(() -> quantize("rtn", directory.resolve("out"), 1))
                    .isInstanceOf(QuernException.class)
                    .message()
                    .doesNotContain("\n");
        }
    }

    @ParameterizedTest
    @MethodSource("methods")
    void aWeightThatIsNoNumberIsNamed(String method) {
        Path broken = directory.resolve("broken");
        spoil("model.layers.1.mlp.gate_proj.weight", broken);
        assertThatThrownBy(() -> new Pipeline(
                                broken,
                                directory.resolve("out"),
                                tiny(method),
                                PipelineOptions.of(1, new CalibrationSource(text, 6, 48)))
                        .run(Progress.NONE))
                .isInstanceOf(NumericException.class)
                .hasMessageContaining("model.layers.1.mlp.gate_proj.weight")
                .hasMessageContaining("row 2");
    }

    private void spoil(String name, Path broken) {
        TinyModels.write(TinyModels.named("llama"), broken);
        try (SafetensorsFile file = Safetensors.open(model)) {
            List<TensorPlan> plans = new ArrayList<>();
            for (var stored : file.stored()) {
                Tensor tensor = file.tensor(stored.name());
                float[] values = tensor.toFloats();
                if (stored.name().equals(name)) {
                    values[2 * 64 + 5] = Float.NaN;
                }
                plans.add(TensorPlan.of(
                        stored.name(),
                        Tensor.of(tensor.dtype(), values, tensor.shape().sizes())));
            }
            Safetensors.write(broken.resolve("model.safetensors"), plans, Map.of("format", "pt"));
        }
    }

    @Test
    void textTooShortIsRefusedBeforeAnythingIsWritten() {
        Path out = directory.resolve("out");
        CalibrationSource source = new CalibrationSource(text, 6000, 48);
        assertThatThrownBy(() -> new Pipeline(model, out, Recipe.of("gptq", GROUPS), PipelineOptions.of(1, source))
                        .run(Progress.NONE))
                .isInstanceOf(QuernException.class)
                .hasMessageContaining("288000 needed");
        assertThat(directory.resolve("out.quern-work")).doesNotExist();
    }

    @Test
    void aMethodThatNeedsTextSaysSo() {
        Pipeline pipeline =
                new Pipeline(model, directory.resolve("out"), Recipe.of("gptq", GROUPS), PipelineOptions.of(1, null));
        assertThatThrownBy(pipeline::plan).isInstanceOf(UsageException.class).hasMessageContaining("--calibration");
    }

    @Test
    void thePlanTellsTheBytesThatTheRunWrites() {
        Path out = directory.resolve("out");
        Plan plan = pipeline("gptq", out, 2, false).plan();
        assertThat(out).doesNotExist();
        QuantizeReport report = quantize("gptq", out, 2);
        assertThat(plan.bitsPerWeight()).isEqualTo(report.bitsPerWeight());
    }

    @Test
    void excludedLinearsStayAsTheyAre() {
        Path out = directory.resolve("out");
        PipelineOptions options = new PipelineOptions(
                1, 0, new CalibrationSource(text, 6, 48), List.of("*.down_proj", "layers.0."), true, false, false, 0);
        new Pipeline(model, out, Recipe.of("gptq", GROUPS), options).run(Progress.NONE);
        try (Checkpoint before = Checkpoint.open(model);
                Checkpoint after = Checkpoint.open(out)) {
            for (Linear linear : after.network().linears()) {
                boolean excluded =
                        linear.name().endsWith("down_proj") || linear.name().contains("layers.0.");
                var weight = after.weights().weight(linear.weightName());
                assertThat(weight instanceof DenseWeight).isEqualTo(excluded);
                if (excluded) {
                    assertThat(weight.unpack())
                            .isEqualTo(
                                    before.weights().weight(linear.weightName()).unpack());
                }
            }
        }
    }

    @Test
    void biasesAndTiedHeadsComeAlong() {
        Path qwen = TinyModels.write(TinyModels.named("qwen2"), directory.resolve("qwen2"));
        Path out = directory.resolve("out");
        new Pipeline(qwen, out, Recipe.of("gptq", GROUPS), PipelineOptions.of(2, new CalibrationSource(text, 6, 48)))
                .run(Progress.NONE);
        try (Checkpoint before = Checkpoint.open(qwen);
                Checkpoint after = Checkpoint.open(out)) {
            assertThat(after.network().tied()).isTrue();
            String bias = after.network().linears().getFirst().biasName();
            assertThat(after.weights().vector(bias)).isEqualTo(before.weights().vector(bias));
        }
    }

    @ParameterizedTest
    @CsvSource({"rtn, 4, true, Q4_0", "rtn, 4, false, Q4_1", "rtn, 8, true, Q8_0", "gptq, 4, true, Q4_0"})
    void aGgufFileHoldsTheChosenCodes(String method, int bits, boolean symmetric, BlockType type) {
        Recipe recipe = Recipe.of(method, Map.of("bits", bits, "group-size", 32, "symmetric", symmetric));
        PipelineOptions options = PipelineOptions.of(2, new CalibrationSource(text, 6, 48));
        Path folder = directory.resolve("folder");
        Path file = directory.resolve("model.gguf");
        new Pipeline(model, folder, recipe, options).run(Progress.NONE);
        QuantizeReport report = new Pipeline(model, file, recipe, options).run(Progress.NONE);
        assertThat(report.output()).isEqualTo(file);
        assertThat(report.bytes()).isEqualTo(file.toFile().length());
        assertThat(directory.resolve("model.gguf.quern-work")).doesNotExist();
        try (Checkpoint a = Checkpoint.open(folder);
                Checkpoint b = Checkpoint.open(file)) {
            assertThat(b.weights().weight(a.network().embedding().name())).isInstanceOf(DenseWeight.class);
            for (Linear linear : a.network().linears()) {
                var stored = b.weights().weight(linear.weightName());
                assertThat(stored.encoding()).isEqualToIgnoringCase(type.name());
                assertThat(stored.unpack())
                        .usingComparatorWithPrecision(type == BlockType.Q4_1 ? 1e-3f : 0f)
                        .containsExactly(a.weights().weight(linear.weightName()).unpack());
            }
        }
    }

    @Test
    void whatGgufCannotHoldIsRefusedBeforeTheWork() {
        Path file = directory.resolve("model.gguf");
        for (Map<String, ?> keys : List.of(
                Map.of("bits", 3, "group-size", 32),
                Map.of("bits", 4, "group-size", 16),
                Map.of("bits", 8, "group-size", 32))) {
            Pipeline pipeline = new Pipeline(model, file, Recipe.of("rtn", keys), PipelineOptions.of(1, null));
            assertThatThrownBy(pipeline::plan)
                    .isInstanceOf(UsageException.class)
                    .hasMessageContaining("groups of a multiple of 32");
        }
    }

    @ParameterizedTest
    @CsvSource({"rtn, 5, true", "rtn, 6, false", "gptq, 5, false", "gptq, 6, true", "obq, 6, false"})
    void widthsThatGptqHasNotArePackedAsCompressedTensors(String method, int bits, boolean symmetric) {
        Path out = directory.resolve("out");
        Map<String, ?> keys = Map.of("bits", bits, "group-size", 0, "symmetric", symmetric);
        PipelineOptions options = PipelineOptions.of(2, new CalibrationSource(text, 6, 48));
        Recipe recipe = Recipe.of(method, keys, Map.of("act-bits", 6));
        QuantizeReport report = new Pipeline(model, out, recipe, options).run(Progress.NONE);
        assertThat(report.verified()).isTrue();
        JsonNode config = Json.read(out.resolve("config.json")).path("quantization_config");
        assertThat(config.path("quant_method").asText()).isEqualTo("compressed-tensors");
        assertThat(config.path("format").asText()).isEqualTo("pack-quantized");
        try (Checkpoint checkpoint = Checkpoint.open(out)) {
            for (Linear linear : checkpoint.network().linears()) {
                assertThat(checkpoint.weights().weight(linear.weightName()).encoding())
                        .isEqualTo("gptq-w" + bits + "-grow");
                assertThat(checkpoint.weights().input(linear).scheme().bits()).isEqualTo(6);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"rtn", "gptq", "obq"})
    void zeroPointsAreStoredSoThatOtherToolsReadThem(String method) {
        for (boolean symmetric : List.of(true, false)) {
            Path out = directory.resolve("symmetric-" + symmetric);
            Recipe recipe = Recipe.of(method, Map.of("group-size", 32, "symmetric", symmetric));
            new Pipeline(model, out, recipe, PipelineOptions.of(2, new CalibrationSource(text, 6, 48)))
                    .run(Progress.NONE);
            JsonNode config = Json.read(out.resolve("config.json")).path("quantization_config");
            assertThat(config.path("quant_method").asText()).isEqualTo("gptq");
            assertThat(config.path("checkpoint_format").asText()).isEqualTo(symmetric ? "gptq" : "gptq_v2");
            assertThat(config.path("sym").asBoolean()).isEqualTo(symmetric);
            assertThat(config.path("desc_act").asBoolean()).isFalse();
            try (SafetensorsFile file = Safetensors.open(out)) {
                Tensor zeros = file.tensor("model.layers.0.mlp.up_proj.qzeros");
                Tensor index = file.tensor("model.layers.0.mlp.up_proj.g_idx");
                for (int word = 0; word < zeros.shape().count(); word++) {
                    int packed = zeros.data().get(Tensor.INT, 4L * word);
                    // every nibble is z − 1, which for the middle of 16 codes is 7; asymmetric ones are z, at least 1,
                    // so that they can be stored as z − 1 too
                    assertThat(packed == 0x77777777 || !symmetric && noZeros(packed))
                            .isTrue();
                }
                for (int i = 0; i < 64; i++) {
                    assertThat(index.data().get(Tensor.INT, 4L * i)).isEqualTo(i / 32);
                }
            }
        }
    }

    private static boolean noZeros(int nibbles) {
        boolean none = true;
        for (int shift = 0; shift < 32; shift += 4) {
            none &= (nibbles >>> shift & 15) != 0;
        }
        return none;
    }
}
