package dev.quern.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.quern.core.QuernException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OutputTest {
    @TempDir
    private Path temporary;

    @Test
    void aFileIsWrittenWithItsChecksumAndNothingElseRemains() throws IOException {
        Path file = temporary.resolve("a.txt");
        Written written = AtomicOutput.write(file, "abc");
        assertThat(file).hasContent("abc");
        assertThat(written.bytes()).isEqualTo(3);
        assertThat(written.sha256()).isEqualTo("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assertThat(names()).containsExactly("a.txt");
    }

    @Test
    void aFailureLeavesTheOldFileAndNoTemporaryOne() throws IOException {
        Path file = temporary.resolve("a.txt");
        AtomicOutput.write(file, "old");
        assertThatThrownBy(() -> AtomicOutput.write(file, 0, out -> {
                    out.write(new byte[1000]);
                    throw new IOException("No space left on device");
                }))
                .isInstanceOf(QuernException.class)
                .hasMessageContainingAll(file.toString(), "no space left");
        assertThatThrownBy(() -> AtomicOutput.write(file, 0, out -> {
                    throw new IllegalStateException("a bug");
                }))
                .isInstanceOf(IllegalStateException.class);
        assertThat(file).hasContent("old");
        assertThat(names()).containsExactly("a.txt");
    }

    @Test
    void whatCannotFitIsRefusedBeforeAnythingIsWritten() throws IOException {
        assertThatThrownBy(() -> AtomicOutput.write(temporary.resolve("a"), Long.MAX_VALUE, out -> {
                    throw new AssertionError("the body must not run");
                }))
                .isInstanceOf(QuernException.class)
                .hasMessageContainingAll("needs 9223372036854775807 bytes", "free");
        assertThat(names()).isEmpty();
    }

    @Test
    void placesThatCannotBeWrittenAreNamed() throws IOException {
        Path file = Files.writeString(temporary.resolve("file"), "x");
        refused(temporary.resolve("absent/a"), "no such directory");
        refused(file.resolve("a"), "no such directory");
        refused(temporary, "is a directory");
        assertThatThrownBy(() -> OutputDirectory.open(file).close())
                .isInstanceOf(QuernException.class)
                .hasMessageContaining("is a file");
        assertThatThrownBy(() -> OutputDirectory.open(file.resolve("below")).close())
                .isInstanceOf(QuernException.class)
                .message()
                .doesNotContain("\n");
    }

    @Test
    void aDirectoryShowsItsFilesOnlyAfterCommit() throws IOException {
        Path folder = temporary.resolve("out");
        try (OutputDirectory out = OutputDirectory.open(folder)) {
            out.add("a", "1");
            out.add("manifest.json", "2");
            assertThat(folder.resolve("a")).doesNotExist();
            assertThat(out.staged("a")).hasContent("1");
            assertThat(out.commit())
                    .extracting(Written::path)
                    .extracting(p -> p.getFileName().toString())
                    .containsExactly("a", "manifest.json");
        }
        assertThat(names("out")).containsExactly("a", "manifest.json");
    }

    @Test
    void aDirectoryThatIsNotCommittedIsAsBefore() throws IOException {
        Path folder = temporary.resolve("out");
        try (OutputDirectory out = OutputDirectory.open(folder)) {
            out.add("a", "1");
        }
        assertThat(folder).doesNotExist();
        Files.createDirectory(folder);
        Files.writeString(folder.resolve("a"), "old");
        try (OutputDirectory out = OutputDirectory.open(folder)) {
            out.add("a", "new");
        }
        assertThat(folder.resolve("a")).hasContent("old");
        assertThat(names("out")).containsExactly("a");
    }

    @Test
    void leftoversOfAKilledRunAreCleared() throws IOException {
        Path folder = Files.createDirectory(temporary.resolve("out"));
        Files.writeString(folder.resolve("a" + AtomicOutput.TEMPORARY), "half");
        Files.writeString(folder.resolve(".quern-lock"), "999999 dead\n");
        try (OutputDirectory out = OutputDirectory.open(folder)) {
            out.add("b", "1");
            out.commit();
        }
        assertThat(names("out")).containsExactly("b");
    }

    @Test
    void filesOutsideTheDirectoryAreRefused() {
        try (OutputDirectory out = OutputDirectory.open(temporary)) {
            assertThatThrownBy(() -> out.add("../x", "1")).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> out.add("a/x", "1")).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void aCopyIsTheSameBytes() throws IOException {
        Path source = Files.write(
                temporary.resolve("source"),
                Samples.tensor(dev.quern.core.DType.I8, 1, 700_001)
                        .data()
                        .toArray(java.lang.foreign.ValueLayout.JAVA_BYTE));
        Path folder = temporary.resolve("out");
        try (OutputDirectory out = OutputDirectory.open(folder)) {
            out.copy(source, "copy");
            out.commit();
        }
        assertThat(folder.resolve("copy")).hasSameBinaryContentAs(source);
    }

    @Test
    void theSameOutputIsRefusedToASecondWriter() {
        Path file = temporary.resolve("a");
        try (OutputLock _ = OutputLock.ofFile(file)) {
            refused(file, "another process (pid " + ProcessHandle.current().pid() + ")");
        }
        AtomicOutput.write(file, "free again");
        assertThat(file).hasContent("free again");
        try (OutputDirectory _ = OutputDirectory.open(temporary)) {
            assertThatThrownBy(() -> OutputDirectory.open(temporary).close())
                    .isInstanceOf(QuernException.class)
                    .hasMessageContaining("is writing this output");
        }
    }

    @Test
    void aSecondProcessIsRefusedByNamingTheFirst() throws Exception {
        Process holder = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        LockHolder.class.getName(),
                        temporary.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try {
            assertThat(holder.inputReader().readLine()).isEqualTo("locked");
            assertThatThrownBy(() -> OutputDirectory.open(temporary).close())
                    .isInstanceOf(QuernException.class)
                    .hasMessageContaining("pid " + holder.pid());
        } finally {
            holder.destroyForcibly().waitFor();
        }
        try (OutputDirectory out = OutputDirectory.open(temporary)) {
            out.add("a", "after the death of the first");
            out.commit();
        }
        assertThat(names()).containsExactly("a");
    }

    /// The first process: takes the lock and waits to be killed.
    static final class LockHolder {
        private LockHolder() {}

        public static void main(String[] arguments) throws IOException {
            try (OutputDirectory _ = OutputDirectory.open(Path.of(arguments[0]))) {
                System.out.println("locked");
                System.in.read();
            }
        }
    }

    private void refused(Path file, String reason) {
        assertThatThrownBy(() -> AtomicOutput.write(file, "x"))
                .isInstanceOf(QuernException.class)
                .hasMessageContaining(reason);
    }

    private List<String> names() throws IOException {
        return names(".");
    }

    private List<String> names(String folder) throws IOException {
        try (Stream<Path> files = Files.list(temporary.resolve(folder))) {
            return files.map(f -> f.getFileName().toString()).sorted().toList();
        }
    }
}
