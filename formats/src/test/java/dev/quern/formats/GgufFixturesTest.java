package dev.quern.formats;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.quern.core.BlockEncoders;
import dev.quern.core.BlockType;
import dev.quern.core.BlockWeight;
import dev.quern.core.PackedWeight;
import dev.quern.core.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// llama.cpp's own files of one tiny model: what its decoder reads from them, to the bit.
class GgufFixturesTest {
    private static final int HEAD_DIM = 64;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K_S", "Q3_K_M", "Q4_K_S",
                "Q4_K_M", "Q5_K_M", "Q6_K", "IQ4_NL", "IQ4_XS", "IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S",
                "IQ3_XXS", "IQ3_S", "TQ1_0", "TQ2_0"
            })
    void everyTensorDecodesToTheBit(String kind) throws Exception {
        Path folder = SharedFolder.require("fixtures/gguf");
        JsonNode wanted = Json.read(folder.resolve("manifest.json")).get(kind);
        int checked = 0;
        try (GgufFile file = Gguf.open(folder.resolve("tiny-" + kind + ".gguf"))) {
            for (GgufTensor tensor : file.tensors()) {
                assertThat(tensor.typeName())
                        .as(tensor.name())
                        .isEqualTo(wanted.get("tensors")
                                .get(tensor.name())
                                .get("type")
                                .asText());
                String name = huggingFaceName(tensor.name());
                float[] values = values(file, tensor);
                if (name.contains("q_proj") || name.contains("k_proj")) {
                    values = unpermuted(
                            values, tensor.shape().dim(0), tensor.shape().dim(1));
                }
                assertThat(sha256(values))
                        .as(kind + " " + tensor.name() + " " + tensor.typeName())
                        .isEqualTo(wanted.get("sha256_f32").get(name).asText());
                checked++;
            }
        }
        assertThat(checked).isEqualTo(wanted.get("sha256_f32").size());
    }

    @ParameterizedTest
    @EnumSource(names = {"Q4_0", "Q4_1", "Q8_0"})
    void encodersGiveTheBytesOfTheReferenceQuantizer(BlockType type) {
        Path folder = SharedFolder.require("fixtures/gguf");
        int checked = 0;
        try (GgufFile floats = Gguf.open(folder.resolve("tiny-F32.gguf"));
                GgufFile blocks = Gguf.open(folder.resolve("tiny-" + type + ".gguf"))) {
            for (GgufTensor tensor : blocks.tensors()) {
                if (tensor.type().blockType().filter(type::equals).isEmpty()) {
                    continue;
                }
                BlockWeight theirs = (BlockWeight) blocks.weight(tensor.name());
                BlockWeight ours =
                        BlockEncoders.encode(type, floats.weight(tensor.name()).unpack(), theirs.rows(), theirs.cols());
                assertThat(ours.data().mismatch(theirs.data()))
                        .as(tensor.name())
                        .isEqualTo(-1);
                checked++;
            }
        }
        assertThat(checked).isGreaterThan(10);
    }

    private static float[] values(GgufFile file, GgufTensor tensor) {
        if (tensor.shape().rank() == 1) {
            return file.dense(tensor.name()).toFloats();
        }
        PackedWeight weight = file.weight(tensor.name());
        assertThat(weight.rows()).isEqualTo(tensor.shape().dim(0));
        return weight.unpack();
    }

    private static String huggingFaceName(String name) {
        return name.replace("token_embd", "model.embed_tokens")
                .replace("output_norm", "model.norm")
                .replaceAll("^output\\.", "lm_head.")
                .replaceAll("^blk\\.", "model.layers.")
                .replace("attn_norm", "input_layernorm")
                .replace("ffn_norm", "post_attention_layernorm")
                .replace("attn_output", "self_attn.o_proj")
                .replaceAll("attn_([qkv])\\.", "self_attn.$1_proj.")
                .replaceAll("ffn_(gate|up|down)", "mlp.$1_proj");
    }

    /// The file holds each head's rows as pairs (0, half), (1, half + 1), …; back to halves.
    private static float[] unpermuted(float[] values, int rows, int cols) {
        float[] result = new float[values.length];
        int half = HEAD_DIM / 2;
        for (int row = 0; row < rows; row++) {
            int head = row / HEAD_DIM;
            int inHead = row % HEAD_DIM;
            int from = head * HEAD_DIM + (inHead % half) * 2 + inHead / half;
            System.arraycopy(values, from * cols, result, row * cols, cols);
        }
        return result;
    }

    private static String sha256(float[] values) throws Exception {
        byte[] bytes = new byte[values.length * 4];
        MemorySegment.copy(values, 0, MemorySegment.ofArray(bytes), Tensor.FLOAT, 0, values.length);
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    }
}
