package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.PackedWeight;
import dev.quern.core.Progress;
import dev.quern.core.QuernException;
import dev.quern.formats.Json;
import dev.quern.models.Checkpoint;
import dev.quern.models.ConvertOptions;
import dev.quern.models.ConvertReport;
import dev.quern.models.ConvertType;
import dev.quern.models.Converter;
import dev.quern.models.Parameter;
import dev.quern.text.Tokenizer;
import dev.quern.torch.TorchModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class ConverterTest {
    private static final int[] TOKENS = {1, 40, 77, 120, 5, 260, 281, 33, 90, 14, 200, 61};

    @TempDir
    Path directory;

    /// GGUF has no word for dynamic scaling.
    static List<TinyModel> models() {
        return TinyModels.ALL.stream()
                .filter(m -> !m.name().equals("llama-dynamic"))
                .toList();
    }

    @ParameterizedTest
    @MethodSource("models")
    void everyArchitectureComesBackFromGgufAsItWas(TinyModel tiny) {
        Path original = TinyModels.write(tiny, directory.resolve("original"));
        Path gguf = directory.resolve("model.gguf");
        Path back = directory.resolve("back");
        ConvertReport there = convert(original, gguf, "gguf", ConvertType.F32);
        ConvertReport again = convert(gguf, back, "safetensors", ConvertType.F32);
        boolean offsets = tiny.name().startsWith("gemma3");
        assertThat(there.lossless()).isNotEqualTo(offsets);
        assertThat(again.lossless()).isTrue();
        try (Checkpoint a = Checkpoint.open(original);
                Checkpoint b = Checkpoint.open(gguf);
                Checkpoint c = Checkpoint.open(back)) {
            assertThat(b.network().config()).isEqualTo(a.network().config());
            assertThat(c.network().config()).isEqualTo(a.network().config());
            for (Parameter parameter : Parameter.of(a.network())) {
                // 1 is added to norms and taken away again, which costs the last bits
                float tolerance = offsets && !parameter.isMatrix() ? 1e-7f : 0;
                assertThat(values(parameter, b))
                        .as(parameter.name())
                        .containsExactly(values(parameter, a), org.assertj.core.data.Offset.offset(tolerance));
                assertThat(values(parameter, c)).as(parameter.name()).containsExactly(values(parameter, b));
            }
            try (Tokenizer one = a.tokenizer();
                    Tokenizer two = b.tokenizer();
                    Tokenizer three = c.tokenizer()) {
                String text = "The other hand of the thing\n  naïve 12";
                assertThat(two.encode(text)).isEqualTo(one.encode(text));
                assertThat(three.encode(text)).isEqualTo(one.encode(text));
                assertThat(two.eosTokens()).isEqualTo(one.eosTokens());
            }
            float[] expected = logits(a);
            assertThat(LogitDifference.between(logits(b), expected, 288).relative())
                    .isLessThan(1e-5);
            assertThat(LogitDifference.between(logits(c), expected, 288).relative())
                    .isLessThan(1e-5);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"Q8_0", "Q4_0", "Q4_1"})
    void blocksComeBackAsTheyWereStored(ConvertType type) {
        Path original = TinyModels.write(TinyModels.named("llama"), directory.resolve("original"));
        Path gguf = directory.resolve("model.gguf");
        assertThat(convert(original, gguf, "gguf", type).lossless()).isFalse();
        assertThat(convert(gguf, directory.resolve("again.gguf"), "gguf", type).lossless())
                .isTrue();
        assertThat(convert(gguf, directory.resolve("dense"), "safetensors", ConvertType.F32)
                        .lossless())
                .isTrue();
        try (Checkpoint a = Checkpoint.open(gguf);
                Checkpoint b = Checkpoint.open(directory.resolve("again.gguf"));
                Checkpoint c = Checkpoint.open(directory.resolve("dense"));
                Checkpoint o = Checkpoint.open(original)) {
            for (Parameter parameter : Parameter.of(a.network())) {
                assertThat(values(parameter, b)).as(parameter.name()).containsExactly(values(parameter, a));
                assertThat(values(parameter, c)).as(parameter.name()).containsExactly(values(parameter, a));
            }
            assertThat(LogitDifference.between(logits(a), logits(o), 288).relative())
                    .isLessThan(type == ConvertType.Q8_0 ? 0.1 : 2);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"Q8_0", "Q4_0"})
    void theGptqLayoutHoldsTheCodesOfBlocks(ConvertType type) {
        Path original = TinyModels.write(TinyModels.named("qwen2"), directory.resolve("original"));
        Path gguf = directory.resolve("model.gguf");
        convert(original, gguf, "gguf", type);
        convert(gguf, directory.resolve("v1"), "safetensors", ConvertType.GPTQ);
        ConvertReport toV2 =
                convert(directory.resolve("v1"), directory.resolve("v2"), "safetensors", ConvertType.GPTQ_V2);
        convert(directory.resolve("v2"), directory.resolve("back.gguf"), "gguf", type);
        assertThat(toV2.lossless()).isTrue();
        try (Checkpoint a = Checkpoint.open(gguf);
                Checkpoint v1 = Checkpoint.open(directory.resolve("v1"));
                Checkpoint v2 = Checkpoint.open(directory.resolve("v2"));
                Checkpoint b = Checkpoint.open(directory.resolve("back.gguf"))) {
            assertThat(v1.quantizationConfig()
                            .orElseThrow()
                            .path("checkpoint_format")
                            .asText())
                    .isEqualTo("gptq");
            assertThat(v2.quantizationConfig()
                            .orElseThrow()
                            .path("checkpoint_format")
                            .asText())
                    .isEqualTo("gptq_v2");
            a.network().linears().forEach(linear -> {
                PackedWeight stored = a.weights().weight(linear.weightName());
                for (Checkpoint other : List.of(v1, v2, b)) {
                    assertThat(other.weights().weight(linear.weightName()).unpack())
                            .as(linear.name())
                            .containsExactly(stored.unpack());
                }
            });
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16"})
    void halfPrecisionIsStoredWhereverItIsAskedFor(ConvertType type) {
        Path original = TinyModels.write(TinyModels.named("qwen3"), directory.resolve("original"));
        assertThat(convert(original, directory.resolve("half"), "safetensors", type)
                        .lossless())
                .isFalse();
        assertThat(convert(directory.resolve("half"), directory.resolve("half.gguf"), "gguf", type)
                        .lossless())
                .isTrue();
        try (Checkpoint half = Checkpoint.open(directory.resolve("half"))) {
            assertThat(half.tensors()).allSatisfy(t -> assertThat(t.encoding()).isEqualTo(type.name()));
            assertThat(half.config().path("dtype").asText())
                    .isEqualTo(type == ConvertType.F16 ? "float16" : "bfloat16");
        }
    }

    @Test
    void weightsOfAnotherConfigAreRefusedByName() throws Exception {
        Path original = TinyModels.write(TinyModels.named("llama"), directory.resolve("original"));
        ObjectNode config = (ObjectNode) Json.read(original.resolve("config.json"));
        config.put("intermediate_size", 128);
        Files.writeString(original.resolve("config.json"), Json.pretty(config));
        assertThatThrownBy(() -> convert(original, directory.resolve("out"), "safetensors", ConvertType.F32))
                .isInstanceOf(QuernException.class)
                .hasMessageContaining("model.layers.0.mlp.gate_proj.weight is [96, 64]")
                .hasMessageContaining("asks for [128, 64]");
        assertThat(directory.resolve("out")).doesNotExist();
    }

    @Test
    void aMissingTensorIsNamed() throws Exception {
        Path original = TinyModels.write(TinyModels.named("llama"), directory.resolve("original"));
        ObjectNode config = (ObjectNode) Json.read(original.resolve("config.json"));
        config.put("num_hidden_layers", 5);
        Files.writeString(original.resolve("config.json"), Json.pretty(config));
        assertThatThrownBy(() -> convert(original, directory.resolve("out.gguf"), "gguf", ConvertType.F32))
                .isInstanceOf(QuernException.class)
                .hasMessageContaining("model.layers.4.self_attn.q_proj.weight");
        assertThat(directory.resolve("out.gguf")).doesNotExist();
    }

    private static ConvertReport convert(Path from, Path to, String format, ConvertType type) {
        try (Checkpoint checkpoint = Checkpoint.open(from)) {
            return Converter.convert(checkpoint, to, new ConvertOptions(format, type), Progress.NONE);
        }
    }

    private static float[] values(Parameter parameter, Checkpoint checkpoint) {
        return parameter.isMatrix()
                ? parameter.weight(checkpoint.weights()).unpack()
                : parameter.vector(checkpoint.weights());
    }

    private static float[] logits(Checkpoint checkpoint) {
        try (TorchModel model = TorchModel.load(checkpoint.network(), checkpoint.weights())) {
            return model.logits(TOKENS);
        }
    }
}
