package dev.quern.methods;

import com.fasterxml.jackson.databind.JsonNode;
import dev.quern.formats.Gguf;
import dev.quern.formats.GgufFile;
import dev.quern.formats.Json;
import dev.quern.formats.OutputDirectory;
import dev.quern.models.Checkpoint;
import dev.quern.text.GgufVocabulary;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// Takes a model's tokenizer along into a new directory.
final class TokenizerFiles {
    private static final List<String> NAMES = List.of(
            "tokenizer.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
            "added_tokens.json",
            "generation_config.json",
            "chat_template.jinja",
            "chat_template.json",
            "vocab.json",
            "merges.txt",
            "tokenizer.model");

    private TokenizerFiles() {}

    static void copy(Checkpoint checkpoint, OutputDirectory out) {
        if (checkpoint.format().equals("gguf")) {
            try (GgufFile file = Gguf.open(checkpoint.path())) {
                Map<String, Object> metadata = file.metadata();
                out.add("tokenizer.json", indented(checkpoint.path(), GgufVocabulary.tokenizerJson(metadata)));
                out.add("tokenizer_config.json", GgufVocabulary.tokenizerConfigJson(metadata));
            }
            return;
        }
        for (String name : NAMES) {
            Path file = checkpoint.path().resolve(name);
            if (Files.isRegularFile(file)) {
                out.copy(file, name);
            }
        }
    }

    private static String indented(Path origin, String json) {
        JsonNode node = Json.parse(origin, json);
        return Json.pretty(node);
    }
}
