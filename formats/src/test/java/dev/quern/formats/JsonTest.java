package dev.quern.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.quern.core.CorruptFileException;
import dev.quern.core.QuernException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JsonTest {
    @TempDir
    private Path temporary;

    @Test
    void errorsAreOneLineWithFileAndPlace() throws IOException {
        for (String text : new String[] {"{\"a\":1,\"a\":2}", "{\"a\":1} x", "{\"a\":", "\n\n{]"}) {
            Path file = Files.writeString(temporary.resolve("config.json"), text);
            assertThatThrownBy(() -> Json.read(file))
                    .as(text)
                    .isInstanceOf(CorruptFileException.class)
                    .hasMessageMatching("[^\n]*config\\.json: byte \\d+: not valid JSON: [^\n]*");
        }
        Path absent = temporary.resolve("absent.json");
        assertThatThrownBy(() -> Json.read(absent))
                .isInstanceOf(QuernException.class)
                .hasMessage(absent + ": no such file; check the path");
    }

    @Test
    void whatPythonWritesIsRead() throws IOException {
        Path file = Files.writeString(temporary.resolve("x.json"), "{\"a\": NaN, \"b\": Infinity, \"c\": -Infinity}");
        assertThat(Json.read(file).get("a").asDouble()).isNaN();
        assertThat(Json.read(file).get("c").asDouble()).isEqualTo(Double.NEGATIVE_INFINITY);
    }
}
