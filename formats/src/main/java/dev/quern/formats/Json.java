package dev.quern.formats;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.CorruptFileException;
import dev.quern.core.QuernException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/// The one way in which Quern reads and writes JSON: duplicate keys and trailing text are refused, `NaN` and
/// `Infinity` (which Python writes) are accepted.
public final class Json {
    /// Configuration files and tokenizers stay far below this.
    private static final long MAX_FILE_BYTES = 512L << 20;

    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .enable(SerializationFeature.INDENT_OUTPUT)
            .build();

    private Json() {}

    /// The shared mapper; thread-safe, not to be reconfigured.
    public static JsonMapper mapper() {
        return MAPPER;
    }

    /// A new empty object.
    public static ObjectNode object() {
        return MAPPER.createObjectNode();
    }

    /// The JSON document in `file`; throws `CorruptFileException` with the place of the first error.
    public static JsonNode read(Path file) {
        try {
            if (Files.size(file) > MAX_FILE_BYTES) {
                throw new QuernException(file + ": " + Files.size(file) + " bytes are too many for a JSON document");
            }
            return parse(file, Files.readString(file, StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw Failures.reading(file, e);
        }
    }

    /// The JSON document `text`; `origin` is named in errors.
    public static JsonNode parse(Path origin, String text) {
        try {
            return MAPPER.readTree(text);
        } catch (JsonProcessingException e) {
            throw corrupt(origin, 0, e);
        }
    }

    /// `node` as indented text with a final line break.
    public static String pretty(JsonNode node) {
        try {
            return MAPPER.writeValueAsString(node) + "\n";
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a JSON tree that cannot be written", e);
        }
    }

    /// The one-line form of a parse error whose text began at byte `start` of `file`.
    static CorruptFileException corrupt(Path file, long start, JsonProcessingException e) {
        long offset = e.getLocation() == null
                ? 0
                : Math.max(
                        0,
                        Math.max(
                                e.getLocation().getByteOffset(), e.getLocation().getCharOffset()));
        // Jackson goes on about a source that it does not show
        String reason =
                String.valueOf(e.getOriginalMessage()).replaceFirst("(?s)[ (]*\\(?for \\w+ starting at .*|\n.*", "");
        return new CorruptFileException(file, start + offset, "not valid JSON: " + reason);
    }
}
