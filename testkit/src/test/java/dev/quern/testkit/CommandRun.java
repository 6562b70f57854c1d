package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.quern.cli.Quern;
import dev.quern.formats.Json;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;

/// One command line that was run in this process: what it printed and how it ended.
record CommandRun(int exitCode, String out, String err) {
    /// Runs `quern` with these arguments (paths are spelt out) and an empty stdin.
    static CommandRun quern(Object... args) {
        return withInput("", args);
    }

    static CommandRun withInput(String stdin, Object... args) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int exitCode = Quern.run(
                new ByteArrayInputStream(stdin.getBytes(StandardCharsets.UTF_8)),
                new PrintStream(out, false, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8),
                Arrays.stream(args).map(Object::toString).toArray(String[]::new));
        return new CommandRun(exitCode, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }

    /// The object that `--json` printed; the command must have succeeded.
    JsonNode json() {
        assertThat(err).isEmpty();
        assertThat(exitCode).isZero();
        return Json.parse(Path.of("stdout"), out);
    }

    /// The command must have ended so, with exactly one line on stderr that holds `parts` and nothing on stdout.
    CommandRun failsWith(int expectedExitCode, String... parts) {
        assertThat(err.lines()).as(err).hasSize(1);
        assertThat(err).startsWith("quern: ").endsWith("\n").contains(parts);
        assertThat(err).doesNotContain("internal error", "Exception", "\tat ");
        assertThat(out).isEmpty();
        assertThat(exitCode).as(err).isEqualTo(expectedExitCode);
        return this;
    }
}
