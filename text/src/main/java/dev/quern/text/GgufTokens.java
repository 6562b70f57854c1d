package dev.quern.text;

import dev.quern.core.QuernException;
import java.lang.reflect.Array;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/// The `tokenizer.ggml.*` part of a GGUF file's metadata, checked.
final class GgufTokens {
    private static final String PREFIX = "tokenizer.ggml.";

    private final Map<String, Object> metadata;
    private final List<?> tokens;
    private final @Nullable List<?> types;
    private final @Nullable List<?> scores;

    private GgufTokens(Map<String, Object> metadata) {
        this.metadata = metadata;
        this.tokens = list("tokens")
                .orElseThrow(() -> new QuernException("GGUF metadata: no " + PREFIX
                        + "tokens: the file holds no vocabulary; use a file made with one, or a directory with"
                        + " tokenizer.json"));
        this.types = list("token_type").orElse(null);
        this.scores = list("scores").orElse(null);
        sameLength("token_type", types);
        sameLength("scores", scores);
    }

    static GgufTokens of(Map<String, Object> metadata) {
        return new GgufTokens(metadata);
    }

    private void sameLength(String key, @Nullable List<?> list) {
        if (list != null && list.size() != tokens.size()) {
            throw new QuernException("GGUF metadata: " + PREFIX + key + " has " + list.size()
                    + " entries but there are " + tokens.size() + " tokens; the file is damaged, fetch it again");
        }
    }

    int size() {
        return tokens.size();
    }

    String token(int id) {
        return tokens.get(id) instanceof String token ? token : String.valueOf(tokens.get(id));
    }

    TokenType type(int id) {
        return types != null && types.get(id) instanceof Number type ? TokenType.of(type.intValue()) : TokenType.NORMAL;
    }

    /// Zero where the file has no scores.
    float score(int id) {
        return scores != null && scores.get(id) instanceof Number score ? score.floatValue() : 0f;
    }

    /// The token numbered by `tokenizer.ggml.<name>_token_id`, where it exists.
    OptionalInt special(String name) {
        Object id = metadata.get(PREFIX + name + "_token_id");
        if (id instanceof Number number && number.longValue() >= 0 && number.longValue() < size()) {
            return OptionalInt.of(number.intValue());
        }
        return OptionalInt.empty();
    }

    Optional<String> string(String key) {
        return metadata.get(PREFIX + key) instanceof String text ? Optional.of(text) : Optional.empty();
    }

    boolean has(String key) {
        return metadata.containsKey(PREFIX + key);
    }

    boolean flag(String key, boolean otherwise) {
        return metadata.get(PREFIX + key) instanceof Boolean flag ? flag : otherwise;
    }

    /// A list, or a primitive array seen as one.
    Optional<List<?>> list(String key) {
        Object value = metadata.get(PREFIX + key);
        if (value instanceof List<?> list) {
            return Optional.of(list);
        }
        if (value != null && value.getClass().isArray()) {
            return Optional.of(new ArrayView(value));
        }
        return Optional.empty();
    }

    private static final class ArrayView extends java.util.AbstractList<Object> {
        private final Object array;

        ArrayView(Object array) {
            this.array = array;
        }

        @Override
        public Object get(int index) {
            return Array.get(array, index);
        }

        @Override
        public int size() {
            return Array.getLength(array);
        }
    }
}
