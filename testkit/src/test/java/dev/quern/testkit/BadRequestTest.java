package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.quern.formats.OutputLock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A good model and a bad request: one line that says what to change, the right exit code, and no output.
class BadRequestTest {
    @TempDir
    static Path good;

    @TempDir
    Path directory;

    private static Path model = Path.of("");

    @BeforeAll
    static void writeModel() {
        model = TinyModels.write(TinyModels.named("llama"), good.resolve("model"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "2 | --method gtpq                                   | unknown method gtpq; did you mean gptq?",
                "2 | --method gptq --set dampnig=0.1                 | dampnig; did you mean damping?",
                "2 | --method rtn --set bits=7                       | bits is 2, 3, 4, 5, 6 or 8",
                "2 | --method rtn --bits x                           | --bits",
                "2 | --method gptq --group-size 32                   | gptq needs text to calibrate on: --calibration",
                "1 | --method rtn --group-size 48                    | do not divide into groups of 48",
                "1 | --method gptq --group-size 32 --calibration T   | tokens found, 262144 needed",
                "1 | --method gptq --group-size 32 --calibration no  | no",
                "2 | --method rtn --recipe r.yaml                    | leave out --method",
                "1 | --recipe no.yaml                                | no.yaml",
                "1 | --method rtn --group-size 32 --memory-budget 1M | memory budget",
                "2 | --method rtn --group-size 32 --exclude nothing  | nothing",
            })
    void quantizeSaysWhatToChange(int exitCode, String arguments, String says) throws IOException {
        Path text = Files.writeString(directory.resolve("text.txt"), "the hand of the other. ".repeat(100));
        Path output = directory.resolve("out");

        CommandRun run = CommandRun.quern(
                Stream.concat(Stream.of("quantize", model, "-o", output), Stream.of(arguments.split(" ")))
                        .map(a -> a.equals("T") ? text : a)
                        .toArray());

        run.failsWith(exitCode, says);
        assertThat(names(directory)).containsExactly("text.txt");
    }

    @Test
    void aTextShorterThanOneWindowIsToldWithBothLengths() throws IOException {
        Path text = Files.writeString(directory.resolve("text.txt"), "the hand");

        CommandRun.quern("eval", model, "--data", text, "--window", 16)
                .failsWith(2, "less than one window of 16", "--window");
    }

    @Test
    void imatrixSaysWhatToChange() throws IOException {
        Path text = Files.writeString(directory.resolve("text.txt"), "the hand of the other. ".repeat(100));
        Path output = directory.resolve("imatrix.gguf");

        CommandRun.quern("imatrix", model, "--data", text, "-o", directory.resolve("imatrix"))
                .failsWith(2, ".gguf", ".dat");
        CommandRun.quern("imatrix", model, "--data", directory.resolve("no.txt"), "-o", output)
                .failsWith(1, "no.txt");
        CommandRun.quern("imatrix", model, "--data", text, "-o", output, "--window", 100_000)
                .failsWith(2, "less than one window");
        CommandRun.quern("convert", model, "-o", directory.resolve("x.gguf"), "--dtype", "q4_k_n")
                .failsWith(2, "did you mean q4_k_m?");
        CommandRun.quern("convert", model, "-o", directory.resolve("x.gguf"), "--dtype", "q4_0", "--imatrix", text)
                .failsWith(1, "text.txt");
        CommandRun.quern("convert", model, "-o", directory.resolve("x.gguf"), "--imatrix", output)
                .failsWith(1, "imatrix.gguf");
        assertThat(names(directory)).containsExactly("text.txt");
    }

    @Test
    void aPromptLongerThanTheContextIsRefused() {
        CommandRun.quern("generate", model, "-p", "x".repeat(100)).failsWith(1, "100 tokens", "context holds 64");
    }

    @Test
    void anOutputThatExistsIsKept() throws IOException {
        Path output = directory.resolve("out");
        Path file = Files.createDirectories(output).resolve("precious.txt");
        Files.writeString(file, "keep me");

        rtn(output).failsWith(1, output.toString(), "exists already", "--overwrite");
        CommandRun.quern("convert", model, "-o", output).failsWith(1, output.toString(), "exists already");

        assertThat(names(output)).containsExactly("precious.txt");
        assertThat(names(directory)).containsExactly("out");
    }

    @Test
    void anOutputBelowAFileIsRefused() throws IOException {
        Path file = Files.writeString(directory.resolve("file"), "");

        rtn(file.resolve("out")).failsWith(1, file.toString());
        CommandRun.quern("convert", model, "-o", file.resolve("out")).failsWith(1, file.toString());
        CommandRun.quern("convert", model, "-o", file.resolve("out.gguf")).failsWith(1, file.toString());

        assertThat(names(directory)).containsExactly("file");
    }

    @Test
    void anOutputThatMayNotBeWrittenIsRefused() throws IOException {
        Path closed = Files.createDirectories(directory.resolve("closed"));
        assumeThat(closed.toFile().setWritable(false)).isTrue();
        assumeThat(Files.isWritable(closed))
                .as("the superuser may write anywhere")
                .isFalse();
        try {
            rtn(closed.resolve("out")).failsWith(1, closed.toString());
            CommandRun.quern("convert", model, "-o", closed.resolve("out.gguf"))
                    .failsWith(1, closed.toString(), "no permission");
        } finally {
            assertThat(closed.toFile().setWritable(true)).isTrue();
        }
        assertThat(names(closed)).isEmpty();
    }

    @Test
    void aFullDiskIsToldInOneLineAndNothingHalfWrittenStays() throws IOException {
        Path full = Path.of("/dev/full");
        assumeThat(full).exists();
        Path output = directory.resolve("out.gguf");
        // where the file is written before it gets its name: what is put there goes to a device that is always full
        Files.createSymbolicLink(directory.resolve("out.gguf.quern-tmp"), full);

        CommandRun.quern("convert", model, "-o", output).failsWith(1, output.toString(), "no space left");

        assertThat(names(directory)).isEmpty();
    }

    @Test
    void aDiskThatFillsUpWhileBlocksAreWrittenLeavesNothingEither() throws IOException {
        Path full = Path.of("/dev/full");
        assumeThat(full).exists();
        Path work = Files.createDirectories(directory.resolve("out.quern-work"));
        Files.createSymbolicLink(work.resolve("block-00000.safetensors.quern-tmp"), full);

        rtn(directory.resolve("out")).failsWith(1, "no space left");

        assertThat(names(directory)).isEmpty();
    }

    @Test
    void aSecondProcessOnTheSameOutputIsRefusedAndTheFirstIsNotDisturbed() throws Exception {
        Path output = directory.resolve("out");
        Path file = directory.resolve("out.gguf");
        Process first = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Holder.class.getName(),
                        Files.createDirectories(directory.resolve("out.quern-work"))
                                .toString(),
                        file.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try {
            assertThat(first.getInputStream().read()).isEqualTo('!');
            String holder = "another process (pid " + first.pid() + ") is writing this output";

            rtn(output).failsWith(1, holder);
            CommandRun.quern("convert", model, "-o", file).failsWith(1, holder);
            assertThat(first.isAlive()).isTrue();
        } finally {
            first.getOutputStream().close();
            first.waitFor();
        }
        assertThat(output).doesNotExist();
        assertThat(file).doesNotExist();
        assertThat(rtn(output).exitCode()).as("once the first is gone").isZero();
    }

    /// The first process: locks what it is told to and waits until its stdin ends.
    static final class Holder {
        private Holder() {}

        public static void main(String[] args) throws IOException {
            try (OutputLock _ = OutputLock.ofDirectory(Path.of(args[0]));
                    OutputLock _ = OutputLock.ofFile(Path.of(args[1]))) {
                System.out.print('!');
                System.out.flush();
                System.in.read();
            }
        }
    }

    private static CommandRun rtn(Path output) {
        return CommandRun.quern("quantize", model, "-o", output, "--method", "rtn", "--group-size", "32");
    }

    private static List<String> names(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }
}
