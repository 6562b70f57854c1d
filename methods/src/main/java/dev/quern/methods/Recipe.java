package dev.quern.methods;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.Nearest;
import dev.quern.core.UsageException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/// What is done to a model: methods in order, and what activations and the KV cache are held in.
///
/// The last step chooses the stored weights; steps before it (later methods) transform. Flags and YAML files build the
/// same object, and `quern.json` records it.
public record Recipe(List<Step<?>> steps, int actBits, int kvBits) {
    private static final List<String> KEYS = List.of("methods", "act-bits", "kv-bits");

    public Recipe {
        steps = List.copyOf(steps);
        if (steps.isEmpty()) {
            throw new UsageException(
                    "a recipe names at least one method; known: " + String.join(", ", Methods.names()));
        }
        if (actBits != 16) {
            throw new UsageException(
                    "act-bits " + actBits + " is not supported yet; 16 leaves activations as they are");
        }
        if (kvBits != 16) {
            throw new UsageException("kv-bits " + kvBits + " is not supported yet; 16 leaves the KV cache as it is");
        }
        if (steps.size() > 1) {
            throw new UsageException(
                    "a recipe holds one method that chooses weights, and " + names(steps) + " are " + steps.size());
        }
    }

    /// The recipe of one method with settings by key.
    public static Recipe of(String method, Map<String, ?> values) {
        return of(method, values, 16, 16);
    }

    /// The recipe that command-line flags describe.
    public static Recipe of(String method, Map<String, ?> values, int actBits, int kvBits) {
        return new Recipe(List.of(Step.of(Methods.of(method), values)), actBits, kvBits);
    }

    /// The recipe in a YAML file: a list of methods with their keys, alone or under `methods:` beside `act-bits` and
    /// `kv-bits`.
    public static Recipe read(Path file) {
        return of(RecipeYaml.load(file), file.toString());
    }

    /// The same from text; `origin` is named in errors.
    public static Recipe parse(String yaml, String origin) {
        return of(RecipeYaml.load(yaml, origin), origin);
    }

    private static Recipe of(Object document, String origin) {
        Map<String, Object> top = document instanceof List<?> list
                ? Map.of("methods", list)
                : RecipeYaml.mapping(document, origin + ": a recipe is a list of methods");
        for (String key : top.keySet()) {
            if (!KEYS.contains(key)) {
                throw Nearest.unknown("key of " + origin + ":", key, KEYS);
            }
        }
        if (!(top.get("methods") instanceof List<?> methods)) {
            throw new UsageException(origin + ": no list under methods:; write for instance '- method: gptq'");
        }
        List<Step<?>> steps = new ArrayList<>();
        for (Object entry : methods) {
            Map<String, Object> keys = new LinkedHashMap<>(
                    RecipeYaml.mapping(entry, origin + ": each method is a mapping with 'method: NAME' and its keys"));
            Object name = keys.remove("method");
            if (name == null) {
                throw new UsageException(origin + ": an entry has no 'method: NAME'; its keys are " + keys.keySet());
            }
            steps.add(Step.of(Methods.of(name.toString()), keys));
        }
        return new Recipe(steps, bits(top, "act-bits", origin), bits(top, "kv-bits", origin));
    }

    private static int bits(Map<String, Object> top, String key, String origin) {
        Object value = top.getOrDefault(key, 16);
        if (value instanceof Integer bits) {
            return bits;
        }
        throw new UsageException(origin + ": " + key + " is a whole number, not " + value);
    }

    /// The step that chooses the stored weights.
    public Step<?> last() {
        return steps.getLast();
    }

    /// The names of the methods in order, joined by `+`.
    public String name() {
        return names(steps);
    }

    private static String names(List<Step<?>> steps) {
        return steps.stream().map(step -> step.method().name()).collect(Collectors.joining("+"));
    }

    /// Methods with every key, defaults included.
    public ObjectNode toJson() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        ArrayNode methods = json.putArray("methods");
        for (Step<?> step : steps) {
            ObjectNode entry = methods.addObject().put("method", step.method().name());
            ConfigKeys.values(step.config()).forEach(entry::putPOJO);
        }
        return json.put("act-bits", actBits).put("kv-bits", kvBits);
    }
}
