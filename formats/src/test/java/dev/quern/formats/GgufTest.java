package dev.quern.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.quern.core.CorruptFileException;
import dev.quern.core.DType;
import dev.quern.core.PackedWeight;
import dev.quern.core.Shape;
import dev.quern.core.UnsupportedModelException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufTest {
    @TempDir
    private Path temporary;

    @Test
    void metadataComesBackTyped() {
        Path path = temporary.resolve("a.gguf");
        Gguf.write(path, Samples.ggufMetadata(), List.of());
        try (GgufFile file = Gguf.open(path)) {
            assertThat(file.metadata())
                    .containsEntry("general.architecture", "llama")
                    .containsEntry("llama.block_count", 2L)
                    .containsEntry("llama.rope.freq_base", 10000.0)
                    .containsEntry("general.signed", -5L)
                    .containsEntry("general.flag", true)
                    .containsEntry("general.big", 1L << 40)
                    .containsEntry("tokenizer.ggml.tokens", List.of("<s>", "Grüße", "▁a", ""))
                    .containsEntry("tokenizer.ggml.scores", List.of(0.0, -1.5, 2.0, 3.0))
                    .containsEntry("tokenizer.ggml.token_type", List.of(3L, 1L, 1L, -1L))
                    .containsEntry("general.flags", List.of(true, false));
        }
    }

    @Test
    void whatWasReadWritesTheSameFile() throws IOException {
        Path first = temporary.resolve("a.gguf");
        Path second = temporary.resolve("b.gguf");
        Gguf.write(first, Map.of("tokenizer.ggml.scores", new float[] {1, 2}), Samples.ggufPlans(1));
        try (GgufFile file = Gguf.open(first)) {
            Gguf.write(second, file.metadata(), Samples.ggufPlans(1));
        }
        assertThat(second).hasSameBinaryContentAs(first);
    }

    @Test
    void tensorsComeBackToTheByteAndAligned() {
        Path path = temporary.resolve("a.gguf");
        List<GgufPlan> plans = Samples.ggufPlans(7);
        Gguf.write(path, Samples.ggufMetadata(), plans);
        try (GgufFile file = Gguf.open(path)) {
            assertThat(file.tensors()).hasSameSizeAs(plans);
            for (int i = 0; i < plans.size(); i++) {
                GgufTensor tensor = file.tensors().get(i);
                assertThat(tensor.shape()).isEqualTo(plans.get(i).shape());
                assertThat(tensor.type()).isEqualTo(plans.get(i).type());
                assertThat(tensor.offset() % 32).isZero();
                MemorySegment read = tensor.shape().rank() == 1
                        ? file.dense(tensor.name()).data()
                        : data(file.weight(tensor.name()));
                assertThat(read.mismatch(plans.get(i).data().get())).isEqualTo(-1);
            }
        }
    }

    @Test
    void versionTwoIsReadAndOthersAreNamed() throws IOException {
        assertThat(head(2, 0, 0, b -> {}).tensors()).isEmpty();
        assertThatThrownBy(() -> head(1, 0, 0, b -> {}))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContaining("version 1");
        assertThatThrownBy(() -> head(Integer.reverseBytes(3), 0, 0, b -> {})).hasMessageContaining("big-endian");
    }

    @Test
    void aTensorOfAnUnknownTypeIsNamedWithIt() {
        assertThatThrownBy(() -> head(3, 1, 0, b -> info(b, "blk.0.w", 9999, 0, 32)))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContainingAll("blk.0.w", "9999");
    }

    @Test
    void contradictionsAreRefusedWithTheReason() {
        refused("more than the remaining", 1L << 60, 0, b -> {});
        refused("more than the remaining", 0, -1, b -> {});
        refused("occurs twice", 0, 2, b -> {
            pair(b, "k");
            pair(b, "k");
        });
        refused("occurs twice", 2, 0, b -> {
            info(b, "a", 0, 0, 1);
            info(b, "a", 0, 32, 1);
        });
        refused("overlaps", 2, 0, b -> {
            info(b, "a", 0, 0, 16);
            info(b, "b", 0, 32, 8);
        });
        refused("no multiple of 32", 1, 0, b -> info(b, "a", 0, 4, 1));
        refused("no multiple of 32", 1, 0, b -> info(b, "a", 0, -32, 1));
        refused("but the file holds only", 1, 0, b -> info(b, "a", 0, 1L << 40, 1));
        refused("but the file holds only", 1, 0, b -> info(b, "a", 0, 0, 1 << 20));
        refused("do not divide into Q4_0 blocks", 1, 0, b -> info(b, "a", 2, 0, 33));
        refused("more than 2^63 bytes", 1, 0, b -> info(b, "a", 0, 0, 1L << 62, 4));
        refused("has the size", 1, 0, b -> info(b, "a", 0, 0, -5));
        refused("5 dimensions", 1, 0, b -> info(b, "a", 0, 0, 1, 1, 1, 1, 1));
        refused(
                "claims 1152921504606846976 bytes",
                0,
                1,
                b -> b.putLong(1L << 60).putLong(0));
        refused("unknown value type 77", 0, 1, b -> string(b, "k").putInt(77).putLong(0));
        refused("array of arrays", 0, 1, b -> string(b, "k").putInt(9).putInt(9).putLong(1));
        refused("strings of k", 0, 1, b -> string(b, "k").putInt(9).putInt(8).putLong(1L << 50));
        refused("numbers of k", 0, 1, b -> string(b, "k").putInt(9).putInt(10).putLong(1L << 61));
        refused("truth value", 0, 1, b -> string(b, "k").putInt(7).put((byte) 2));
        refused(
                "power of two",
                0,
                1,
                b -> string(b, "general.alignment").putInt(4).putInt(24));
        refused(
                "power of two",
                0,
                1,
                b -> string(b, "general.alignment").putInt(4).putInt(0));
    }

    @Test
    void aWholeNumberAbove63BitsIsKeptWhole() throws IOException {
        GgufFile file = head(3, 0, 1, b -> string(b, "seed").putInt(10).putLong(-1));
        assertThat(file.metadata().get("seed")).hasToString("18446744073709551615");
    }

    @Test
    void aPlanWhoseRowsDoNotFillBlocksIsRefused() {
        assertThatThrownBy(() -> new GgufPlan("w", new Shape(2, 33), GgufType.Q8_0, () -> MemorySegment.NULL))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("w", "Q8_0");
        assertThat(GgufPlan.of("x", Samples.tensor(DType.F32, 1, 2, 3)).bytes()).isEqualTo(24);
    }

    private static MemorySegment data(PackedWeight weight) {
        return switch (weight) {
            case dev.quern.core.DenseWeight d -> d.tensor().data();
            case dev.quern.core.BlockWeight b -> b.data();
            default -> throw new AssertionError(weight.encoding() + " is no type of GGUF");
        };
    }

    private void refused(String reason, long tensors, long pairs, Consumer<ByteBuffer> body) {
        assertThatThrownBy(() -> head(3, tensors, pairs, body))
                .isInstanceOf(CorruptFileException.class)
                .hasMessageContaining(reason);
    }

    /// A file with this head and 64 bytes of data; closed when it could be opened.
    private GgufFile head(int version, long tensors, long pairs, Consumer<ByteBuffer> body) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(1000).order(ByteOrder.LITTLE_ENDIAN);
        bytes.put("GGUF".getBytes(StandardCharsets.US_ASCII))
                .putInt(version)
                .putLong(tensors)
                .putLong(pairs);
        body.accept(bytes);
        byte[] whole = new byte[Math.ceilDiv(bytes.position(), 32) * 32 + 64];
        System.arraycopy(bytes.array(), 0, whole, 0, bytes.position());
        Path path = Files.write(temporary.resolve("head.gguf"), whole);
        try (GgufFile file = Gguf.open(path)) {
            return file;
        }
    }

    private static ByteBuffer string(ByteBuffer bytes, String text) {
        return bytes.putLong(text.length()).put(text.getBytes(StandardCharsets.US_ASCII));
    }

    private static void pair(ByteBuffer bytes, String key) {
        string(bytes, key).putInt(4).putInt(1);
    }

    private static void info(ByteBuffer bytes, String name, int type, long offset, long... innermostFirst) {
        string(bytes, name).putInt(innermostFirst.length);
        for (long size : innermostFirst) {
            bytes.putLong(size);
        }
        bytes.putInt(type).putLong(offset);
    }
}
