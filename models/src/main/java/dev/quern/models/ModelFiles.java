package dev.quern.models;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.formats.Json;
import dev.quern.formats.OutputDirectory;
import dev.quern.text.GgufVocabulary;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// What lies beside a model's weights: tokenizer, chat template, generation settings.
public final class ModelFiles {
    private static final List<String> COPIED = List.of(
            "tokenizer.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
            "added_tokens.json",
            "tokenizer.model",
            "vocab.json",
            "merges.txt",
            "chat_template.jinja",
            "chat_template.json",
            "generation_config.json");

    private ModelFiles() {}

    /// Puts the files of `checkpoint` into `out`; those of a GGUF file are made from its metadata.
    public static void writeTo(OutputDirectory out, Checkpoint checkpoint) {
        Map<String, Object> metadata = checkpoint.ggufMetadata();
        if (metadata.isEmpty()) {
            for (String name : COPIED) {
                Path file = checkpoint.path().resolve(name);
                if (Files.isRegularFile(file)) {
                    out.copy(file, name);
                }
            }
            return;
        }
        out.add("tokenizer.json", GgufVocabulary.tokenizerJson(metadata));
        out.add("tokenizer_config.json", GgufVocabulary.tokenizerConfigJson(metadata));
        ObjectNode generation = Json.object();
        for (String key : new String[] {"bos_token_id", "eos_token_id"}) {
            JsonNode id = checkpoint.config().path(key);
            if (!id.isMissingNode()) {
                generation.set(key, id);
            }
        }
        out.add("generation_config.json", Json.pretty(generation));
    }

    /// The `tokenizer.*` metadata of a GGUF file made from `checkpoint`.
    static Map<String, Object> vocabulary(Checkpoint checkpoint) {
        Map<String, Object> metadata = checkpoint.ggufMetadata();
        if (metadata.isEmpty()) {
            return GgufVocabulary.metadata(checkpoint.path());
        }
        Map<String, Object> keys = new LinkedHashMap<>(metadata);
        keys.keySet().removeIf(key -> !key.startsWith("tokenizer."));
        return keys;
    }
}
