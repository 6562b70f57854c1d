package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.quern.core.BlockWeight;
import dev.quern.core.Progress;
import dev.quern.core.QuernException;
import dev.quern.core.UsageException;
import dev.quern.eval.Windows;
import dev.quern.formats.Gguf;
import dev.quern.formats.GgufFile;
import dev.quern.formats.GgufTensor;
import dev.quern.formats.Imatrix;
import dev.quern.formats.Json;
import dev.quern.kernels.InputPrecision;
import dev.quern.kernels.Workers;
import dev.quern.methods.InputSquares;
import dev.quern.methods.Parallel;
import dev.quern.models.Checkpoint;
import dev.quern.models.ConvertOptions;
import dev.quern.models.ConvertReport;
import dev.quern.models.ConvertType;
import dev.quern.models.Converter;
import dev.quern.runtime.Model;
import dev.quern.runtime.Session;
import dev.quern.text.Tokenizer;
import dev.quern.torch.TorchModel;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// GGUF files in every mixture: the type of each matrix, what stands in where rows do not divide, and how importance
/// matrices are made and used.
class GgufMixtureTest {
    private static final int[] TOKENS = {1, 40, 77, 120, 5, 260, 281, 33, 90, 14, 200, 61};

    @TempDir
    Path directory;

    static Stream<ConvertType> mixtures() {
        return Arrays.stream(ConvertType.values()).filter(type -> type.blocks().isPresent());
    }

    @ParameterizedTest
    @MethodSource("mixtures")
    void matricesHaveTheTypesOfLlamaCppsFiles(ConvertType type) {
        Optional<Path> fixture = Shared.find("fixtures/tiny-fp32");
        assumeThat(fixture).as("shared fixtures").isPresent();
        JsonNode wanted = Json.read(Shared.find("fixtures/gguf/manifest.json").orElseThrow())
                .path(type.name())
                .path("tensors");
        assumeThat(wanted.isMissingNode()).as("no fixture of " + type).isFalse();
        Path output = directory.resolve("model.gguf");
        // llama.cpp asks for importances where it goes below three bits
        Optional<Imatrix> imatrix = type.name().matches("IQ[23].*")
                ? Shared.find("fixtures/gguf/imatrix.gguf").map(Imatrix::read)
                : Optional.empty();
        assertThat(convert(fixture.orElseThrow(), output, type, imatrix).fallbacks())
                .isEmpty();
        try (GgufFile file = Gguf.open(output)) {
            assertThat(file.tensors()).hasSize(wanted.size());
            file.tensors()
                    .forEach(t -> assertThat(t.typeName())
                            .as(t.name())
                            .isEqualTo(wanted.path(t.name()).path("type").asText()));
        }
    }

    @ParameterizedTest
    @MethodSource("mixtures")
    void tensorsOfThePeersFileComeBackByteForByte(ConvertType type) {
        Optional<Path> fixture = Shared.find("fixtures/gguf/tiny-" + type.name() + ".gguf");
        assumeThat(fixture).as("shared fixture of " + type).isPresent();
        Path output = directory.resolve("model.gguf");
        assertThat(convert(fixture.orElseThrow(), output, type, Optional.empty())
                        .lossless())
                .isTrue();
        try (GgufFile theirs = Gguf.open(fixture.orElseThrow());
                GgufFile ours = Gguf.open(output)) {
            for (GgufTensor tensor : theirs.tensors()) {
                if (tensor.shape().rank() == 2) {
                    assertThat(blocks(ours, tensor.name()).mismatch(blocks(theirs, tensor.name())))
                            .as(tensor.name())
                            .isEqualTo(-1);
                }
            }
        }
    }

    private static MemorySegment blocks(GgufFile file, String name) {
        return ((BlockWeight) file.weight(name)).data();
    }

    @ParameterizedTest
    @MethodSource("mixtures")
    void everyMixtureRunsAlikeInBothExecutorsAndStaysNearTheModel(ConvertType type) {
        Path original = wide();
        Path output = directory.resolve("model.gguf");
        convert(original, output, type, Optional.empty());
        try (Checkpoint floats = Checkpoint.open(original);
                Checkpoint blocks = Checkpoint.open(output);
                Workers workers = Workers.of(1)) {
            float[] java = logits(blocks, workers, InputPrecision.FLOAT);
            float[] torch = logits(blocks);
            assertThat(LogitDifference.between(java, torch, 288).relative()).isLessThan(1e-4);
            double bits = type.blocks().orElseThrow().bytes()
                    * 8.0
                    / type.blocks().orElseThrow().weights();
            // a coarse net for broken blocks: seeded weights do not forgive as trained ones do
            assertThat(LogitDifference.between(torch, logits(floats), 288).relative())
                    .isLessThan(80 * Math.pow(2, -bits));
        }
    }

    /// A code of 16 bits is off by half a step of 32512 to its block's largest input, 1e-5 of it in the mean; twenty
    /// Linears behind each other make some 5e-4 of the largest logit.
    @ParameterizedTest
    @MethodSource("mixtures")
    void inputsOf16BitsStayNearFloats(ConvertType type) {
        Path output = directory.resolve("model.gguf");
        convert(wide(), output, type, Optional.empty());
        try (Checkpoint blocks = Checkpoint.open(output);
                Workers workers = Workers.of(1)) {
            float[] floats = logits(blocks, workers, InputPrecision.FLOAT);
            float[] codes = logits(blocks, workers, InputPrecision.INT16);
            assertThat(LogitDifference.between(codes, floats, 288).relative()).isLessThan(1.5e-3);
        }
    }

    private static float[] logits(Checkpoint model, Workers workers, InputPrecision precision) {
        return new Session(new Model(model.network(), model.weights(), workers, precision))
                .logits(TOKENS)
                .data();
    }

    @Test
    void rowsThatDoNotDivideFallBackAndAreReported() {
        Path original = TinyModels.write(TinyModels.named("llama"), directory.resolve("original"));
        Path output = directory.resolve("model.gguf");
        ConvertReport report = convert(original, output, ConvertType.Q4_K_M, Optional.empty());
        assertThat(report.fallbacks())
                .contains(
                        new ConvertReport.Fallback("model.layers.0.self_attn.q_proj.weight", 64, "Q4_K", "Q5_0"),
                        new ConvertReport.Fallback("model.layers.3.mlp.down_proj.weight", 96, "Q6_K", "Q8_0"));
        try (GgufFile file = Gguf.open(output)) {
            assertThat(file.weight("blk.0.attn_q.weight").encoding()).isEqualTo("Q5_0");
            assertThat(file.weight("output.weight").encoding()).isEqualTo("Q8_0");
        }
    }

    @Test
    void codesAreNotRoundedASecondTimeUnlessAskedFor() {
        Path original = wide();
        Path once = directory.resolve("once.gguf");
        Path twice = directory.resolve("twice.gguf");
        convert(original, once, ConvertType.Q4_K_M, Optional.empty());
        assertThat(convert(once, twice, ConvertType.Q4_K_M, Optional.empty()).lossless())
                .isTrue();
        assertThatThrownBy(() -> convert(once, directory.resolve("no.gguf"), ConvertType.Q4_0, Optional.empty()))
                .isInstanceOf(QuernException.class)
                .hasMessageContaining("is quantized already (Q4_K)")
                .hasMessageContaining("--requantize");
        assertThat(directory.resolve("no.gguf")).doesNotExist();
        try (Checkpoint checkpoint = Checkpoint.open(once)) {
            ConvertOptions options = new ConvertOptions("gguf", ConvertType.Q4_0, false, Optional.empty(), true);
            assertThat(Converter.convert(checkpoint, directory.resolve("yes.gguf"), options, Progress.NONE)
                            .lossless())
                    .isFalse();
        }
    }

    @Test
    void importancesDependNeitherOnThreadsNorAreTheyOtherThanTheInputs() {
        try (Checkpoint checkpoint = Checkpoint.open(wide());
                Workers workers = Workers.of(3)) {
            List<int[]> sequences = List.of(TOKENS, new int[] {9, 8, 7, 6, 5, 4, 3, 2, 1, 11, 12, 13});
            Imatrix one = InputSquares.measure(checkpoint, sequences, "text", Parallel.SERIAL, Progress.NONE);
            Imatrix three = InputSquares.measure(checkpoint, sequences, "text", workers::run, Progress.NONE);
            assertThat(one.entries()).hasSize(4 * 7);
            assertThat(one.chunks()).isEqualTo(2);
            assertThat(one.chunkSize()).isEqualTo(TOKENS.length);
            one.entries().forEach((name, entry) -> {
                assertThat(entry.count()).isEqualTo(2 * TOKENS.length);
                assertThat(sums(three, name)).as(name).containsExactly(entry.sums());
            });
            float[] table =
                    checkpoint.weights().weight("model.embed_tokens.weight").unpack();
            float[] norm = checkpoint.weights().vector("model.layers.0.input_layernorm.weight");
            float[] expected = new float[256];
            for (int[] sequence : sequences) {
                for (int token : sequence) {
                    double squares = 0;
                    for (int i = 0; i < 256; i++) {
                        squares += (double) table[token * 256 + i] * table[token * 256 + i];
                    }
                    double scale = 1 / Math.sqrt(squares / 256 + 1e-5);
                    for (int i = 0; i < 256; i++) {
                        expected[i] += (float) Math.pow(table[token * 256 + i] * scale * norm[i], 2);
                    }
                }
            }
            float[] found = sums(one, "blk.0.attn_k.weight");
            for (int i = 0; i < 256; i++) {
                assertThat(found[i]).isCloseTo(expected[i], within(1e-3f * expected[i] + 1e-4f));
            }
        }
    }

    @Test
    void importancesAreThoseOfLlamaCpp() throws IOException {
        Optional<Path> model = Shared.find("fixtures/tiny-fp32");
        Optional<Path> text = Shared.find("data/wikitext-2/valid.txt");
        assumeThat(model).as("shared fixtures").isPresent();
        assumeThat(text).as("shared data").isPresent();
        Imatrix theirs = Imatrix.read(Shared.find("fixtures/gguf/imatrix.gguf").orElseThrow());
        try (Checkpoint checkpoint = Checkpoint.open(model.orElseThrow());
                Tokenizer tokenizer = checkpoint.tokenizer()) {
            List<int[]> windows = Windows.llamaCpp(128, tokenizer.addedBos())
                    .cut(tokenizer.encode(Files.readString(text.orElseThrow())), 20);
            Imatrix ours = InputSquares.measure(checkpoint, windows, "text", Parallel.SERIAL, Progress.NONE);
            assertThat(ours.entries().keySet()).isEqualTo(theirs.entries().keySet());
            theirs.entries().forEach((name, entry) -> {
                float[] sums = sums(ours, name);
                for (int i = 0; i < sums.length; i++) {
                    // its cache holds keys and values in float16
                    assertThat(sums[i]).as(name).isCloseTo(entry.sums()[i], within(3e-3f * entry.sums()[i]));
                }
            });
        }
    }

    @Test
    void anImportanceMatrixOfAnotherModelIsRefusedAndNothingWritten() {
        Path original = wide();
        Imatrix strange = new Imatrix(
                Map.of("blk.9.attn_q.weight", new Imatrix.Entry(new float[] {1}, 1)), List.of("text"), 1, 1);
        Imatrix narrow = new Imatrix(
                Map.of("blk.0.attn_q.weight", new Imatrix.Entry(new float[] {1}, 1)), List.of("text"), 1, 1);
        Path output = directory.resolve("model.gguf");
        assertThatThrownBy(() -> convert(original, output, ConvertType.Q4_0, Optional.of(strange)))
                .isInstanceOf(QuernException.class)
                .hasMessageContaining("knows no blk.0.attn_q.weight");
        assertThatThrownBy(() -> convert(original, output, ConvertType.Q4_0, Optional.of(narrow)))
                .isInstanceOf(QuernException.class)
                .hasMessageContaining("has 1 inputs for blk.0.attn_q.weight, the model 256");
        assertThat(output).doesNotExist();
        assertThatThrownBy(() -> new ConvertOptions("gguf", ConvertType.F16, false, Optional.of(narrow), false))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("--imatrix");
    }

    private static float[] sums(Imatrix matrix, String name) {
        return Objects.requireNonNull(matrix.entries().get(name), name).sums();
    }

    private Path wide() {
        TinyModel model = TinyModels.named("llama")
                .named("wide")
                .with("hidden_size", "256")
                .with("intermediate_size", "512");
        return TinyModels.write(model, directory.resolve("wide"));
    }

    private static ConvertReport convert(Path from, Path to, ConvertType type, Optional<Imatrix> imatrix) {
        try (Checkpoint checkpoint = Checkpoint.open(from)) {
            return Converter.convert(
                    checkpoint, to, new ConvertOptions("gguf", type, false, imatrix, false), Progress.NONE);
        }
    }

    private static float[] logits(Checkpoint checkpoint) {
        try (TorchModel model = TorchModel.load(checkpoint.network(), checkpoint.weights())) {
            return model.logits(TOKENS);
        }
    }
}
