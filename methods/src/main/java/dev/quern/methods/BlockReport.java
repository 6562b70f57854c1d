package dev.quern.methods;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

/// What one method of a recipe did to one block: an entry of `blocks[]` in `quern.json`.
public record BlockReport(int block, String method, BlockOutcome outcome) {
    /// The fields that docs promise for `blocks[]`.
    public ObjectNode toJson() {
        ObjectNode json =
                JsonNodeFactory.instance.objectNode().put("block", block).put("method", method);
        return json.setAll(outcome.toJson());
    }

    static BlockReport ofJson(JsonNode json) {
        return new BlockReport(json.path("block").asInt(), json.path("method").asText(), BlockOutcome.ofJson(json));
    }
}
