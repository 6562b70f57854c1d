package dev.quern.methods;

import dev.quern.core.QuernException;
import dev.quern.core.UsageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/// Reads YAML as plain maps, lists and scalars.
final class RecipeYaml {
    private static final long MAX_BYTES = 1 << 20;

    private RecipeYaml() {}

    static Object load(Path file) {
        try {
            if (Files.size(file) > MAX_BYTES) {
                throw new UsageException(file + ": " + Files.size(file) + " bytes are no recipe");
            }
            return load(Files.readString(file), file.toString());
        } catch (IOException e) {
            throw new QuernException(file + ": the recipe cannot be read; check the path (" + e.getMessage() + ")", e);
        }
    }

    static Object load(String yaml, String origin) {
        try {
            Object document = new Load(LoadSettings.builder()
                            .setAllowDuplicateKeys(false)
                            .setLabel(origin)
                            .build())
                    .loadFromString(yaml);
            if (document == null) {
                throw new UsageException(origin + ": the recipe is empty; write for instance '- method: gptq'");
            }
            return document;
        } catch (MarkedYamlEngineException e) {
            String line = e.getProblemMark().map(m -> ":" + (m.getLine() + 1)).orElse("");
            throw new UsageException(origin + line + ": not valid YAML: " + e.getProblem());
        } catch (YamlEngineException e) {
            throw new UsageException(origin + ": not valid YAML: "
                    + String.valueOf(e.getMessage()).lines().findFirst().orElse(""));
        }
    }

    /// `value` as a mapping with text keys; `expected` is the error where it is none.
    static Map<String, Object> mapping(Object value, String expected) {
        if (!(value instanceof Map<?, ?> map)) {
            throw new UsageException(expected + ", not " + value);
        }
        Map<String, Object> result = new LinkedHashMap<>();
        map.forEach((key, element) -> {
            if (element == null) {
                throw new UsageException(expected + "; key " + key + " has no value");
            }
            result.put(String.valueOf(key), element);
        });
        return result;
    }
}
