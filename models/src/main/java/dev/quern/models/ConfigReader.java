package dev.quern.models;

import com.fasterxml.jackson.databind.JsonNode;
import dev.quern.core.QuernException;
import java.util.ArrayList;
import java.util.List;

/// Reads numbers from a Hugging Face config.json, with errors that name the key.
final class ConfigReader {
    private final JsonNode config;

    ConfigReader(JsonNode config) {
        this.config = config;
    }

    /// A positive whole number that must be there.
    int size(String key) {
        JsonNode value = config.path(key);
        if (!value.isIntegralNumber() || !value.canConvertToInt() || value.asInt() <= 0) {
            throw new QuernException("config.json: " + key + " is " + (value.isMissingNode() ? "missing" : value)
                    + "; a positive whole number is needed");
        }
        return value.asInt();
    }

    /// A positive whole number, or `fallback` where the key is missing or null.
    int size(String key, int fallback) {
        return config.hasNonNull(key) ? size(key) : fallback;
    }

    double number(String key, double fallback) {
        JsonNode value = config.path(key);
        if (value.isMissingNode() || value.isNull()) {
            return fallback;
        }
        if (!value.isNumber()) {
            throw new QuernException("config.json: " + key + " is " + value + "; a number is needed");
        }
        return value.asDouble();
    }

    boolean flag(String key, boolean fallback) {
        return config.path(key).asBoolean(fallback);
    }

    String text(String key, String fallback) {
        return config.hasNonNull(key) ? config.path(key).asText() : fallback;
    }

    /// The numbers under `key`: one, a list, or none.
    List<Integer> tokens(String key) {
        List<Integer> tokens = new ArrayList<>();
        JsonNode value = config.path(key);
        if (value.isIntegralNumber()) {
            tokens.add(value.asInt());
        }
        if (value.isArray()) {
            value.forEach(token -> tokens.add(token.asInt()));
        }
        return List.copyOf(tokens);
    }

    JsonNode json() {
        return config;
    }
}
