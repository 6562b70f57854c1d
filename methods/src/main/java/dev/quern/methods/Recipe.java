package dev.quern.methods;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.ActivationScheme;
import dev.quern.core.KvScheme;
import dev.quern.core.Nearest;
import dev.quern.core.UsageException;
import dev.quern.models.Linear;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/// What is done to a model: methods in order, and what activations and the KV cache are held in.
///
/// Any number of block methods transform, then one weight method chooses the stored weights. Flags and
/// YAML files build the same object, and `quern.json` records it.
public record Recipe(List<Step<?>> steps, ActivationPlan activations, KvScheme kv) {
    private static final List<String> KEYS =
            List.of("methods", "act-bits", "act-range", "act-symmetric", "act-clip", "kv-bits");

    public Recipe {
        steps = List.copyOf(steps);
        if (steps.isEmpty()) {
            throw new UsageException(
                    "a recipe names at least one method; known: " + String.join(", ", Methods.names()));
        }
        for (int i = 0; i < steps.size(); i++) {
            boolean transforms = steps.get(i).transforms();
            if (transforms == (i == steps.size() - 1)) {
                throw new UsageException("a recipe is any number of methods that transform, then one that chooses"
                        + " weights; in " + names(steps) + ", "
                        + steps.get(i).method().name()
                        + (transforms ? " transforms and stands last" : " chooses weights and stands before"));
            }
        }
    }

    /// The recipe of one method with settings by key, and what it holds activations in by default.
    public static Recipe of(String method, Map<String, ?> values) {
        return of(method, values, Map.of());
    }

    /// The recipe that command-line flags describe: `values` are keys of the method, or of the one that
    /// follows it by default where it only transforms; `others` are the recipe's own keys (`act-bits`,
    /// `act-range`, `act-symmetric`, `act-clip`, `kv-bits`), each as a number, a boolean or text.
    public static Recipe of(String method, Map<String, ?> values, Map<String, ?> others) {
        return of(steps(List.of(Methods.of(method)), List.of(values)), others, "the recipe");
    }

    /// The recipe of one method at a width: `bits` and `groupSize` where it, or what follows it by default, knows
    /// them.
    public static Recipe of(Method<?> method, int bits, int groupSize) {
        Map<String, Integer> values = new HashMap<>(Map.of("bits", bits, "group-size", groupSize));
        values.keySet().retainAll(keys(method));
        return of(method.name(), values);
    }

    /// The names of the keys that a recipe of `method` alone takes: its own, and those of what follows it by
    /// default.
    private static Set<String> keys(Method<?> method) {
        Set<String> keys =
                method.keys().stream().map(ConfigKey::name).collect(Collectors.toCollection(LinkedHashSet::new));
        if (method instanceof BlockMethod<?> transforms) {
            Methods.of(transforms.follower()).keys().forEach(key -> keys.add(key.name()));
        }
        return keys;
    }

    /// The recipe in a YAML file: a list of methods with their keys, alone or under `methods:` beside `act-bits`,
    /// `act-range`, `act-symmetric`, `act-clip` and `kv-bits`.
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
        if (!(top.get("methods") instanceof List<?> entries)) {
            throw new UsageException(origin + ": no list under methods:; write for instance '- method: gptq'");
        }
        List<Method<?>> methods = new ArrayList<>();
        List<Map<String, ?>> values = new ArrayList<>();
        for (Object entry : entries) {
            Map<String, Object> keys = new LinkedHashMap<>(
                    RecipeYaml.mapping(entry, origin + ": each method is a mapping with 'method: NAME' and its keys"));
            Object name = keys.remove("method");
            if (name == null) {
                throw new UsageException(origin + ": an entry has no 'method: NAME'; its keys are " + keys.keySet());
            }
            methods.add(Methods.of(name.toString()));
            values.add(keys);
        }
        return of(steps(methods, values), top, origin);
    }

    private static Recipe of(List<Step<?>> steps, Map<String, ?> others, String origin) {
        ActivationScheme usual = ActivationScheme.FLOAT;
        for (Step<?> step : steps) {
            usual = step.activations().quantizes() ? step.activations() : usual;
        }
        return new Recipe(steps, RecipeKeys.activations(others, usual, origin), RecipeKeys.kv(others, origin));
    }

    /// Where the last method only transforms, the one that follows it by default takes the keys that it does not
    /// know.
    private static List<Step<?>> steps(List<Method<?>> methods, List<Map<String, ?>> values) {
        List<Step<?>> steps = new ArrayList<>();
        for (int i = 0; i < methods.size(); i++) {
            Map<String, ?> given = values.get(i);
            if (i == methods.size() - 1 && methods.get(i) instanceof BlockMethod<?> last) {
                addWithFollower(steps, last, given);
            } else {
                steps.add(Step.of(methods.get(i), given));
            }
        }
        return steps;
    }

    private static <C extends Record> void addWithFollower(
            List<Step<?>> steps, BlockMethod<C> method, Map<String, ?> values) {
        List<String> own = method.keys().stream().map(ConfigKey::name).toList();
        Method<?> follower = Methods.of(method.follower());
        List<String> others = follower.keys().stream().map(ConfigKey::name).toList();
        Map<String, Object> mine = new HashMap<>();
        Map<String, Object> rest = new HashMap<>(method.followerKeys());
        values.forEach((key, value) -> {
            if (!own.contains(key) && !others.contains(key)) {
                List<String> known = new ArrayList<>(own);
                known.addAll(others);
                throw Nearest.unknown("key of " + method.name(), key, known);
            }
            (own.contains(key) ? mine : rest).put(key, value);
        });
        steps.add(Step.of(method, mine));
        steps.add(Step.of(follower, rest));
    }

    /// The steps that transform, in order.
    public List<Step<?>> transforms() {
        return steps.subList(0, steps.size() - 1);
    }

    /// With what depends on the model worked out by the method that chooses the weights.
    Recipe planned(List<Linear> linears, Supplier<Map<Linear, Double>> costs) {
        List<Step<?>> planned = new ArrayList<>(transforms());
        planned.add(last().planned(linears, costs));
        return new Recipe(planned, activations, kv);
    }

    /// The step that chooses the stored weights.
    public Step<?> last() {
        return steps.getLast();
    }

    /// True where calibration text must be run: a method or a static range of activations needs it.
    boolean calibrated() {
        return steps.stream().anyMatch(Step::calibrated) || activations.stored();
    }

    /// True where a method that transforms looks at calibration text.
    boolean transformsCalibrated() {
        return transforms().stream().anyMatch(Step::calibrated);
    }

    /// The names of the methods in order, joined by `+`; a follower by default goes without saying.
    public String name() {
        boolean implied = steps.size() > 1
                && steps.get(steps.size() - 2).method() instanceof BlockMethod<?> method
                && method.follower().equals(last().method().name());
        return names(implied ? transforms() : steps);
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
        json.put("act-bits", activations.scheme().bits());
        if (activations.quantizes()) {
            json.put("act-range", activations.range())
                    .put("act-symmetric", activations.scheme().symmetric());
        }
        if (activations.scheme().clip() < 1) {
            json.put("act-clip", activations.scheme().clip());
        }
        return json.put("kv-bits", RecipeKeys.kvBits(kv));
    }
}
