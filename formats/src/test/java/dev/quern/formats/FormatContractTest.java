package dev.quern.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import dev.quern.core.QuernException;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// What every format of the registry owes: it reads what it wrote, and whatever else lies in a file it either reads or
/// refuses with one line, without allocating more than the file could need.
class FormatContractTest {
    private static final long[] HOSTILE = {-1, Long.MIN_VALUE, 1L << 60, 1L << 32, 0x8000_0000L, 100_000_001};

    /// Both formats' heads and Jackson's buffers stay far below; a count believed without a check goes far beyond.
    private static final long MOST_ALLOCATED = 24L << 20;

    @TempDir
    private Path temporary;

    static Stream<CheckpointFormat> formats() {
        return Formats.ALL.stream();
    }

    @ParameterizedTest
    @MethodSource("formats")
    void recognisesAndReadsWhatItWrote(CheckpointFormat format) {
        Path file = sample(format, 1);
        assertThat(Formats.of(file).name()).isEqualTo(format.name());
        try (CheckpointFile opened = format.open(file)) {
            assertThat(opened.stored()).isNotEmpty();
            Samples.touch(opened);
        }
    }

    @ParameterizedTest
    @MethodSource("formats")
    void aFileCutAnywhereIsRefused(CheckpointFormat format) throws IOException {
        byte[] whole = Files.readAllBytes(sample(format, 2));
        for (int length = 0; length < whole.length; length += length < 2000 ? 1 : 37) {
            Path cut = put(format, Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> format.open(cut).close())
                    .as("cut to " + length + " of " + whole.length)
                    .isInstanceOf(QuernException.class)
                    .hasMessageContaining(cut.toString())
                    .message()
                    .doesNotContain("\n");
        }
    }

    @ParameterizedTest
    @MethodSource("formats")
    void flippedBytesAreReadOrRefused(CheckpointFormat format) throws IOException {
        byte[] whole = Files.readAllBytes(sample(format, 3));
        Random random = new Random(3);
        for (int i = 0; i < 2000; i++) {
            byte[] bytes = whole.clone();
            int flips = 1 + random.nextInt(4);
            for (int f = 0; f < flips; f++) {
                // mostly in the head, where a byte means something
                int at = random.nextInt(random.nextInt(4) == 0 ? bytes.length : Math.min(bytes.length, 1200));
                bytes[at] = (byte) random.nextInt();
            }
            readOrRefuse(format, bytes, "flip " + i);
        }
    }

    @ParameterizedTest
    @MethodSource("formats")
    void hostileNumbersAreReadOrRefused(CheckpointFormat format) throws IOException {
        byte[] whole = Files.readAllBytes(sample(format, 4));
        for (int at = 0; at < Math.min(whole.length - 8, 1200); at += at < 300 ? 1 : 3) {
            for (long number : HOSTILE) {
                byte[] bytes = whole.clone();
                for (int b = 0; b < 8; b++) {
                    bytes[at + b] = (byte) (number >>> 8 * b);
                }
                readOrRefuse(format, bytes, number + " at " + at);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("formats")
    void anotherKindOfFileIsRefusedByNamingTheFormat(CheckpointFormat format) throws IOException {
        for (String text : new String[] {"# A model card\n\nThis is text, not a model, but long enough.", "", "GG"}) {
            Path file = put(format, text.getBytes(java.nio.charset.StandardCharsets.UTF_8));
            assertThatThrownBy(() -> format.open(file).close())
                    .isInstanceOf(QuernException.class)
                    .hasMessageContaining("not a " + (format.name().equals("gguf") ? "GGUF" : format.name()) + " file");
        }
        assertThatThrownBy(() -> format.open(temporary.resolve("absent")).close())
                .isInstanceOf(QuernException.class)
                .hasMessageContaining("no such file");
    }

    @ParameterizedTest
    @MethodSource("formats")
    void viewsOfAClosedFileThrow(CheckpointFormat format) {
        CheckpointFile file = format.open(sample(format, 5));
        file.close();
        assertThatThrownBy(() -> Samples.touch(file)).isInstanceOf(IllegalStateException.class);
    }

    private void readOrRefuse(CheckpointFormat format, byte[] bytes, String what) throws IOException {
        Path file = put(format, bytes);
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        try (CheckpointFile opened = format.open(file)) {
            Samples.touch(opened);
        } catch (QuernException e) {
            assertThat(e.getMessage()).as(what).contains(file.toString()).doesNotContain("\n");
        } catch (RuntimeException e) {
            throw new AssertionError(what + ": " + e, e);
        }
        assertThat(threads.getCurrentThreadAllocatedBytes() - before).as(what).isLessThan(MOST_ALLOCATED);
    }

    private Path sample(CheckpointFormat format, long seed) {
        Path file = temporary.resolve("sample." + format.name());
        Samples.write(format, file, seed);
        return file;
    }

    private Path put(CheckpointFormat format, byte[] bytes) throws IOException {
        return Files.write(temporary.resolve("mutant." + format.name()), bytes);
    }
}
