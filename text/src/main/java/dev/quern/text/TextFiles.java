package dev.quern.text;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.quern.core.QuernException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/// The text files of a model directory, read strictly: UTF-8, whole, one clear line on error.
record TextFiles(Path directory) {
    /// The largest tokenizer.json in use (Gemma 3's) has 33 MB.
    private static final long MAX_BYTES = 256L << 20;

    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            // A model's config.json may hold Infinity or NaN, which Python writes bare.
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .build();

    static {
        JSON.getFactory()
                .setStreamReadConstraints(StreamReadConstraints.builder()
                        .maxNestingDepth(200)
                        .maxStringLength(64 << 20)
                        .build());
    }

    static JsonMapper json() {
        return JSON;
    }

    /// Empty where the file does not exist.
    Optional<String> text(String name) {
        Path file = directory.resolve(name);
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        try {
            long bytes = Files.size(file);
            if (bytes > MAX_BYTES) {
                throw new QuernException(file + ": " + bytes + " bytes is too long for a text file of a model (at most "
                        + MAX_BYTES + ")");
            }
            return Optional.of(Files.readString(file));
        } catch (CharacterCodingException e) {
            throw new QuernException(file + ": not UTF-8 text; fetch the file again", e);
        } catch (IOException e) {
            throw new QuernException(file + ": cannot be read: " + e.getMessage(), e);
        }
    }

    /// Empty where the file does not exist.
    Optional<JsonNode> tree(String name) {
        return text(name).map(text -> parse(text, directory.resolve(name)));
    }

    static JsonNode parse(String text, Path file) {
        try {
            return JSON.readTree(text);
        } catch (JsonProcessingException e) {
            throw new QuernException(
                    file + ": not JSON: line " + e.getLocation().getLineNr() + ": " + e.getOriginalMessage(), e);
        }
    }
}
