package dev.quern.text;

import com.fasterxml.jackson.databind.JsonNode;
import dev.quern.core.QuernException;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/// All tokens of a tokenizer.json: the model's vocabulary and the added tokens.
record TokenTable(Map<String, Integer> ids, int size) {
    /// No vocabulary in use reaches a tenth of this.
    private static final int MAX_TOKENS = 1 << 22;

    static TokenTable of(JsonNode tokenizer) {
        Map<String, Integer> ids = new HashMap<>();
        JsonNode vocab = tokenizer.path("model").path("vocab");
        if (vocab.isArray()) {
            for (int id = 0; id < vocab.size(); id++) {
                ids.put(vocab.get(id).path(0).asText(), id);
            }
        } else {
            vocab.properties().forEach(entry -> ids.put(entry.getKey(), number(entry.getKey(), entry.getValue())));
        }
        for (JsonNode added : tokenizer.path("added_tokens")) {
            String content = added.path("content").asText();
            ids.put(content, number(content, added.path("id")));
        }
        if (ids.isEmpty()) {
            throw new QuernException("tokenizer.json: no vocabulary under model.vocab; fetch the file again");
        }
        int last = ids.values().stream().mapToInt(Integer::intValue).max().orElse(-1);
        return new TokenTable(ids, last + 1);
    }

    Optional<Integer> id(String token) {
        return Optional.ofNullable(ids.get(token));
    }

    private static int number(String token, JsonNode id) {
        if (!id.isInt() || id.intValue() < 0 || id.intValue() >= MAX_TOKENS) {
            throw new QuernException("tokenizer.json: token \"" + token + "\" has number " + id + "; allowed are 0 to "
                    + (MAX_TOKENS - 1));
        }
        return id.intValue();
    }
}
