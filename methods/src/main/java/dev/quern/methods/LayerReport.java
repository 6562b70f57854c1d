package dev.quern.methods;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What happened to one Linear. `fallback` is null where the method did what it was asked to.
public record LayerReport(
        String name,
        String encoding,
        double bitsPerWeight,
        double relativeError,
        @Nullable String fallback,
        List<String> notes) {
    static LayerReport of(String name, QuantizedLinear result) {
        return new LayerReport(
                name,
                result.weight().encoding(),
                result.weight().bitsPerWeight(),
                result.relativeError(),
                result.fallback(),
                result.notes());
    }

    /// The fields that docs promise for `layers[]`.
    public ObjectNode toJson() {
        ObjectNode json = JsonNodeFactory.instance
                .objectNode()
                .put("name", name)
                .put("encoding", encoding)
                .put("bits_per_weight", bitsPerWeight)
                .put("relative_error", relativeError)
                .put("fallback", fallback);
        if (!notes.isEmpty()) {
            notes.forEach(json.putArray("notes")::add);
        }
        return json;
    }

    static LayerReport ofJson(JsonNode json) {
        List<String> notes = new ArrayList<>();
        json.path("notes").forEach(note -> notes.add(note.asText()));
        return new LayerReport(
                json.path("name").asText(),
                json.path("encoding").asText(),
                json.path("bits_per_weight").asDouble(),
                json.path("relative_error").asDouble(),
                json.path("fallback").isTextual() ? json.path("fallback").asText() : null,
                notes);
    }
}
