package dev.quern.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.quern.core.QuernException;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;

class CliTest {
    private final Captured captured = new Captured();

    @ParameterizedTest
    @CsvSource({
        "quantise demo -o x, unknown command quantise; did you mean quantize?",
        "quantize demo -o x --bist 4, unknown option --bist; did you mean --bits?",
        "quantize demo -o x --method gtpq, unknown method gtpq; did you mean gptq?",
        "quantize demo -o x --method gptq --set dampnig=1, unknown key of gptq dampnig; did you mean damping?",
        "quantize demo -o x --method gptq --set bits, --set takes KEY=VALUE",
        "quantize demo -o x --method gptq --bits 7, 'bits is 2, 3, 4, 5, 6 or 8'",
        "quantize demo -o x --method gptq --bits four, --bits",
        "quantize demo -o x --method gptq --device cdua, unknown device cdua; did you mean cuda?",
        "quantize demo -o x --method gptq --memory-budget lots, a size is a number",
        "quantize demo -o x --method gptq --threads 0, --threads is 1 to 4096",
        "quantize demo -o x --method gptq --recipe r.yaml, leave out --method",
        "quantize demo --method gptq, --output",
        "quantize demo -o x, give --method or --recipe",
        "--hlep, unknown option --hlep; did you mean --help?"
    })
    void wrongUsageIsOneLineWithTheNearestSpellingAndExitCodeTwo(String line, String expected) {
        int exitCode = captured.run(line.split(" "));

        assertThat(captured.errLines()).hasSize(1);
        assertThat(captured.err()).startsWith("quern: ").contains(expected);
        assertThat(captured.out()).isEmpty();
        assertThat(exitCode).isEqualTo(2);
    }

    @Test
    void withoutACommandTheListOfCommandsIsPrinted() {
        assertThat(captured.run()).isZero();
        assertThat(captured.out()).contains("quantize", "quern demo");
        assertThat(captured.err()).isEmpty();
    }

    @Test
    void everyOptionOfEveryCommandIsDescribedAndNamesItsDefault() {
        for (CommandLine command :
                Cli.commands(captured.console()).getSubcommands().values()) {
            String help = command.getUsageMessage(Ansi.OFF).replaceAll("\\s+", " ");
            command.getCommandSpec().options().forEach(option -> {
                assertThat(option.description()).as(option.longestName()).isNotEmpty();
                String value = option.defaultValueString();
                boolean tells = value != null
                        && !value.isEmpty()
                        && !value.equals("null")
                        && !value.equals("[]")
                        && !option.typeInfo().isBoolean();
                if (tells && !option.required()) {
                    assertThat(help)
                            .as(command.getCommandName() + " " + option.longestName())
                            .contains(value);
                }
            });
        }
    }

    @Test
    void aCommandThatIsNamedIsTheOnlyOneThatIsMade() {
        Cli.commands(captured.console()).getSubcommands().forEach((name, command) -> {
            assertThat(command.getCommandSpec().userObject())
                    .extracting(object ->
                            object.getClass().getAnnotation(Command.class).name())
                    .isEqualTo(name);
            assertThat(Cli.commands(captured.console(), name, "x").getSubcommands())
                    .containsOnlyKeys(name);
        });
        assertThat(Cli.commands(captured.console(), "nowhere").getSubcommands()).containsKeys("eval", "generate");
    }

    @ParameterizedTest
    @ValueSource(strings = {"nowhere", "org/nowhere", "", "a/b/c"})
    void aModelThatIsNotThereIsOneLineThatSaysWhatIsAllowed(String model) {
        assertThat(captured.run("quantize", model, "-o", "x", "--method", "rtn"))
                .isEqualTo(1);
        assertThat(captured.errLines()).hasSize(1);
        assertThat(captured.err()).contains("no such file or directory");
    }

    @Test
    void aFailureIsOneLineWhateverItsMessage() {
        assertThat(print(new QuernException("a\n  b"), false)).isEqualTo("quern: a\\u000a  b\n");
        assertThat(print(new IOException("a\n  b"), false)).isEqualTo("quern: a b\n");
        assertThat(print(new NoSuchFileException("f"), false)).isEqualTo("quern: f: no such file or directory\n");
        assertThat(print(new AccessDeniedException("f"), false)).isEqualTo("quern: f: permission denied\n");
        assertThat(print(new OutOfMemoryError("Java heap space"), false)).contains("QUERN_JAVA_OPTS=-Xmx");
        assertThat(print(new IllegalStateException("odd"), false))
                .isEqualTo("quern: internal error: IllegalStateException: odd; please report it with what -v prints\n");
    }

    @Test
    void theStackTraceComesOnlyWithVerbose() {
        assertThat(print(new QuernException("a"), true))
                .startsWith("quern: a\n")
                .contains("\tat ");
    }

    private String print(Throwable error, boolean verbose) {
        Captured fresh = new Captured();
        Failure.of(error).print(fresh.console().err(), error, verbose);
        return fresh.err();
    }

    @Test
    void aReaderThatLeftEndsTheCommandQuietly() {
        assertThat(runInto("Broken pipe")).isEqualTo("0 ");
    }

    @Test
    void aFullDiskBehindStdoutIsToldOnceAndFails() {
        assertThat(runInto("No space left on device"))
                .isEqualTo("1 quern: stdout: cannot be written: No space left on device");
    }

    private String runInto(String error) {
        OutputStream broken = new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                throw new IOException(error);
            }
        };
        Console inner = captured.console();
        PrintStream out = new PrintStream(new ReaderAwareStream("stdout", broken), false, StandardCharsets.UTF_8);
        Console console = new Console(inner.in(), out, inner.err(), false, false, false, 80);
        int exitCode = Cli.run(console, "--help");
        return exitCode + " " + captured.err().strip();
    }

    @ParameterizedTest
    @CsvSource({"8G, 8589934592", "512M, 536870912", "1.5GiB, 1610612736", "1000, 1000", "2kb, 2048"})
    void sizesAreReadAsPeopleWriteThem(String text, long bytes) {
        assertThat(new ByteSize().convert(text)).isEqualTo(bytes);
    }

    @Test
    void sizesArePrintedInDecimalUnits() {
        assertThat(Arrays.stream(new double[] {0, 999, 98_362_432, 5.2e9}).mapToObj(ByteSize::print))
                .containsExactly("0 B", "999 B", "98.4 MB", "5.2 GB");
    }
}
