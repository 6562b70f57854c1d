package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.quern.core.BlockWeight;
import dev.quern.core.DenseWeight;
import dev.quern.core.GroupedWeight;
import dev.quern.core.PackedWeight;
import dev.quern.formats.Safetensors;
import dev.quern.formats.SafetensorsFile;
import dev.quern.formats.TensorPlan;
import dev.quern.models.Checkpoint;
import dev.quern.models.Linear;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Codes go from layout to layout as they are; where a layout cannot hold them, one line says what would be lost.
class CodeConversionTest {
    @TempDir
    Path directory;

    private Path quantized(Object... options) {
        Path model = TinyModels.write(TinyModels.named("llama"), directory.resolve("model"));
        Path out = directory.resolve("quantized");
        List<Object> arguments = new ArrayList<>(List.of("quantize", model, "-o", out));
        Collections.addAll(arguments, options);
        CommandRun run = CommandRun.quern(arguments.toArray());
        assertThat(run.exitCode()).as(run.err()).isZero();
        return out;
    }

    private Path convert(Path from, String name, String type) {
        Path out = directory.resolve(name);
        assertThat(CommandRun.quern("convert", from, "-o", out, "--dtype", type, "--json")
                        .json()
                        .path("lossless")
                        .asBoolean())
                .as(name)
                .isTrue();
        return out;
    }

    @ParameterizedTest
    @CsvSource({"--symmetric, 32", "--asymmetric, 32", "--symmetric, 0", "--asymmetric, 16"})
    void fourBitsGoThroughEveryLayoutAndComeBackToTheByte(String symmetry, int groupSize) {
        Path gptq = quantized("--method", "rtn", "--group-size", groupSize, symmetry);
        Path awq = convert(gptq, "awq", "awq");
        Path packed = convert(awq, "packed", "pack-quantized");
        Path first = convert(packed, "first", "gptq");
        Path back = convert(first, "back", symmetry.equals("--symmetric") ? "gptq" : "gptq_v2");
        assertSameTensors(back, gptq);
        assertSameWeights(awq, gptq);
        assertSameWeights(packed, gptq);
    }

    @ParameterizedTest
    @CsvSource({"--symmetric, 32, q4_0", "--symmetric, 0, q4_0"})
    void symmetricGroupsOfAnySizeBecomeBlocks(String symmetry, int groupSize, String type) {
        Path gptq = quantized("--method", "rtn", "--group-size", groupSize, symmetry, "--exclude", "down_proj");
        Path packed = convert(gptq, "packed", "pack-quantized");
        Path blocks = directory.resolve("model.gguf");
        // table, head and what stayed floats are searched anew
        CommandRun run = CommandRun.quern("convert", packed, "-o", blocks, "--dtype", type);
        assertThat(run.exitCode()).as(run.err()).isZero();
        try (Checkpoint a = Checkpoint.open(gptq);
                Checkpoint b = Checkpoint.open(blocks)) {
            for (Linear linear : a.network().linears()) {
                if (a.weights().weight(linear.weightName()) instanceof GroupedWeight grouped) {
                    PackedWeight stored = b.weights().weight(linear.weightName());
                    assertThat(stored).isInstanceOf(BlockWeight.class);
                    assertThat(stored.unpack()).containsExactly(grouped.unpack());
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gptq_v2", "awq", "pack-quantized"})
    void asymmetricBlocksWithWholeZeroPointsComeBackAsTheyWere(String type) {
        Path gptq = quantized("--method", "rtn", "--group-size", 32, "--asymmetric");
        Path blocks = directory.resolve("model.gguf");
        assertThat(CommandRun.quern("convert", gptq, "-o", blocks, "--dtype", "q4_1")
                        .exitCode())
                .isZero();
        Path back = directory.resolve("back");
        assertThat(CommandRun.quern("convert", blocks, "-o", back, "--dtype", type)
                        .exitCode())
                .isZero();
        assertSameWeights(back, gptq);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "gptq-w4-sym",
                "gptq-w4-asym",
                "gptqv2-w4-asym",
                "gptq-w4-perchannel-asym",
                "awq-gemm-w4",
                "ct-pack-w4-sym",
                "ct-pack-w4-asym"
            })
    void peersFilesKeepTheirCodesInEveryLayout(String fixture) {
        Path source = PeerLogits.fixture(fixture);
        for (String type : List.of("gptq_v2", "awq", "pack-quantized")) {
            assertSameWeights(convert(source, type, type), source);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gptq-w4-sym-descact", "gptq-w4-asym-descact"})
    void activationOrderIsLostNowhereUnasked(String fixture) {
        Path source = PeerLogits.fixture(fixture);
        assertSameWeights(convert(source, "back", "gptq_v2"), source);
        CommandRun.quern("convert", source, "-o", directory.resolve("no"), "--dtype", "awq")
                .failsWith(1, "does not fit the AWQ layout", "plain groups", "--requantize");
        CommandRun.quern("convert", source, "-o", directory.resolve("no"), "--dtype", "pack-quantized")
                .failsWith(1, "in plain order", "--requantize");
        assertThat(directory.resolve("no")).doesNotExist();
    }

    @ParameterizedTest
    @ValueSource(strings = {"gptq-w2-asym", "gptq-w3-sym"})
    void packedCodesOfFewBitsCrossWords(String fixture) {
        Path source = PeerLogits.fixture(fixture);
        assertSameWeights(convert(source, "packed", "pack-quantized"), source);
    }

    @ParameterizedTest
    @CsvSource({
        "bnb-nf4, awq, nf4-b64 codes are no integers in groups",
        "bnb-int8, gptq, int8 codes are no integers in groups",
        "gptq-w8-sym, awq, holds 4-bit codes",
        "gguf/tiny-Q4_K_M.gguf, gptq, Q4_K blocks are no groups",
        "gguf/tiny-Q4_1.gguf, pack-quantized, no whole number of its steps",
        "gguf/tiny-IQ4_NL.gguf, awq, IQ4_NL blocks are no groups"
    })
    void whatWouldBeLostIsSaidAndDoneOnRequest(String fixture, String type, String says) {
        Path source = PeerLogits.fixture(fixture);
        Path out = directory.resolve("out");
        CommandRun.quern("convert", source, "-o", out, "--dtype", type).failsWith(1, says, "--requantize");
        assertThat(out).doesNotExist();
        var json = CommandRun.quern("convert", source, "-o", out, "--dtype", type, "--requantize", "--json")
                .json();
        assertThat(json.path("lossless").asBoolean()).isFalse();
        try (Checkpoint checkpoint = Checkpoint.open(out)) {
            for (Linear linear : checkpoint.network().linears()) {
                assertThat(checkpoint.weights().weight(linear.weightName()))
                        .isInstanceOf(GroupedWeight.class)
                        .matches(weight -> ((GroupedWeight) weight).groupSize() == 32);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gptq_v2", "awq", "pack-quantized"})
    void linearsThatStayedFloatsStayThemAndAreListed(String type) {
        Path source = quantized("--method", "rtn", "--group-size", 32, "--exclude", "down_proj");
        Path out = convert(source, "out", type);
        try (Checkpoint checkpoint = Checkpoint.open(out)) {
            assertThat(checkpoint.quantizationConfig().orElseThrow().toString())
                    .contains(
                            type.equals("gptq_v2")
                                    ? "-:^model\\\\.layers\\\\.0\\\\.mlp\\\\.down_proj$"
                                    : "mlp.down_proj");
            for (Linear linear : checkpoint.network().linears()) {
                assertThat(checkpoint.weights().weight(linear.weightName()) instanceof DenseWeight)
                        .isEqualTo(linear.name().endsWith("down_proj"));
            }
        }
        assertSameWeights(out, source);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "gptq-w4-asym-descact",
                "awq-gemm-w4",
                "ct-pack-w4-asym",
                "ct-int8-w8a8",
                "bnb-nf4-dq",
                "bnb-int8"
            })
    void aCheckpointInShardsIsTheSame(String fixture) throws IOException {
        Path source = PeerLogits.fixture(fixture);
        Path shards = directory.resolve("shards");
        try (SafetensorsFile file = Safetensors.open(source)) {
            List<TensorPlan> plans = new ArrayList<>();
            file.names().forEach(name -> plans.add(TensorPlan.of(name, file.tensor(name))));
            Safetensors.writeDirectory(shards, plans, 200_000, Map.of("format", "pt"));
        }
        Files.copy(source.resolve("config.json"), shards.resolve("config.json"));
        assertThat(shards.resolve("model.safetensors")).doesNotExist();
        assertThat(shards.resolve("model.safetensors.index.json")).exists();
        assertSameWeights(shards, source);
    }

    @Test
    void aFloatModelHasNoCodes() {
        Path model = TinyModels.write(TinyModels.named("llama"), directory.resolve("model"));
        CommandRun.quern("convert", model, "-o", directory.resolve("out"), "--dtype", "awq")
                .failsWith(1, "is not quantized", "use quantize");
    }

    private static void assertSameWeights(Path found, Path wanted) {
        try (Checkpoint a = Checkpoint.open(found);
                Checkpoint b = Checkpoint.open(wanted)) {
            for (Linear linear : b.network().linears()) {
                assertThat(a.weights().weight(linear.weightName()).unpack())
                        .as(linear.name())
                        .isEqualTo(b.weights().weight(linear.weightName()).unpack());
            }
        }
    }

    private static void assertSameTensors(Path found, Path wanted) {
        try (SafetensorsFile a = Safetensors.open(found);
                SafetensorsFile b = Safetensors.open(wanted)) {
            assertThat(a.names()).isEqualTo(b.names());
            for (String name : b.names()) {
                assertThat(a.tensor(name).dtype())
                        .as(name)
                        .isEqualTo(b.tensor(name).dtype());
                assertThat(a.tensor(name).data().mismatch(b.tensor(name).data()))
                        .as(name)
                        .isEqualTo(-1);
            }
        }
    }
}
