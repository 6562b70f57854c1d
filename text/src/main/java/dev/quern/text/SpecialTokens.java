package dev.quern.text;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Optional;

/// The special tokens by name, from tokenizer_config.json first and special_tokens_map.json second.
record SpecialTokens(Optional<String> bos, Optional<String> eos, Optional<String> unk, Optional<String> pad) {
    static SpecialTokens of(TextFiles files) {
        JsonNode[] sources = {
            files.tree("tokenizer_config.json").orElse(null),
            files.tree("special_tokens_map.json").orElse(null)
        };
        return new SpecialTokens(
                named(sources, "bos_token"),
                named(sources, "eos_token"),
                named(sources, "unk_token"),
                named(sources, "pad_token"));
    }

    /// A token is spelt as a string or as an object with `content`.
    private static Optional<String> named(JsonNode[] sources, String key) {
        for (JsonNode source : sources) {
            if (source == null) {
                continue;
            }
            JsonNode value = source.path(key);
            JsonNode text = value.isObject() ? value.path("content") : value;
            if (text.isTextual()) {
                return Optional.of(text.textValue());
            }
        }
        return Optional.empty();
    }
}
