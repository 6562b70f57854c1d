package dev.quern.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.quern.core.QuernException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ImatrixTest {
    @TempDir
    Path directory;

    @Test
    void llamaCppsFileComesBackByteForByte() throws Exception {
        Path theirs = SharedFolder.require("fixtures/gguf").resolve("imatrix.gguf");
        Imatrix matrix = Imatrix.read(theirs);
        assertThat(matrix.chunks()).isEqualTo(20);
        assertThat(matrix.chunkSize()).isEqualTo(128);
        assertThat(matrix.entries()).hasSize(14);
        assertThat(entry(matrix, "blk.1.ffn_down.weight").count()).isEqualTo(2560);
        Path ours = directory.resolve("imatrix.gguf");
        matrix.write(ours);
        assertThat(Files.readAllBytes(ours)).isEqualTo(Files.readAllBytes(theirs));
    }

    @ParameterizedTest
    @ValueSource(strings = {"m.gguf", "m.dat"})
    void meansSurviveBothForms(String name) {
        Path file = directory.resolve(name);
        sample().write(file);
        Imatrix found = Imatrix.read(file);
        assertThat(found.datasets()).containsExactly("text.txt");
        assertThat(found.chunks()).isEqualTo(3);
        assertThat(found.entries().keySet())
                .containsExactlyElementsOf(sample().entries().keySet());
        sample().entries()
                .forEach((tensor, entry) -> assertThat(entry(found, tensor).means())
                        .containsExactly(entry.means(), org.assertj.core.data.Offset.offset(1e-6f)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"m.gguf", "m.dat"})
    void aFileCutAnywhereIsRefusedInOneLine(String name) throws Exception {
        Path file = directory.resolve(name);
        sample().write(file);
        byte[] whole = Files.readAllBytes(file);
        // the older form may end after its entries
        int entriesEnd = name.endsWith(".dat") ? whole.length - 4 - 4 - "text.txt".length() : whole.length - 32;
        Path cut = directory.resolve("cut-" + name);
        for (int length = 0; length < entriesEnd; length += 7) {
            Files.write(cut, Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> Imatrix.read(cut))
                    .as("%d bytes", length)
                    .isInstanceOf(QuernException.class)
                    .message()
                    .doesNotContain("\n")
                    .contains("cut-");
        }
    }

    @Test
    void sumsThatCannotBeAreRefused() {
        for (float bad : new float[] {-1, Float.NaN, Float.POSITIVE_INFINITY}) {
            Path file = directory.resolve("bad.gguf");
            new Imatrix(Map.of("blk.0.attn_q.weight", new Imatrix.Entry(new float[] {1, bad}, 4)), List.of(), 1, 4)
                    .write(file);
            assertThatThrownBy(() -> Imatrix.read(file))
                    .isInstanceOf(QuernException.class)
                    .hasMessageContaining("blk.0.attn_q.weight");
        }
    }

    @Test
    void aModelIsNoImportanceMatrix() {
        Path file = directory.resolve("model.gguf");
        Gguf.write(file, Map.of("general.type", "model"), List.of());
        assertThatThrownBy(() -> Imatrix.read(file))
                .isInstanceOf(QuernException.class)
                .hasMessageContaining("not of an importance matrix");
    }

    private static Imatrix.Entry entry(Imatrix matrix, String tensor) {
        Imatrix.Entry entry = matrix.entries().get(tensor);
        assertThat(entry).as(tensor).isNotNull();
        return Objects.requireNonNull(entry);
    }

    private static Imatrix sample() {
        Map<String, Imatrix.Entry> entries = new LinkedHashMap<>();
        entries.put("blk.0.attn_q.weight", new Imatrix.Entry(new float[] {1, 2, 3, 4}, 12));
        entries.put("blk.0.ffn_down.weight", new Imatrix.Entry(new float[] {0, 0.5f, 7}, 12));
        return new Imatrix(entries, List.of("text.txt"), 3, 4);
    }
}
