package dev.quern.models;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.ActivationScheme;
import dev.quern.core.KvScheme;
import dev.quern.core.QuernException;
import dev.quern.core.UnsupportedModelException;
import dev.quern.core.UsageException;
import dev.quern.formats.Json;
import dev.quern.formats.SafetensorsFile;
import dev.quern.formats.TensorPlan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/// The object `quern` in config.json: what no layout of the ecosystem can say of a model. Schemes of the inputs of
/// Linears, transforms that stay at run time, biases that the family does not have, the KV cache.
///
/// The object and the tensors beside the modules are described in docs/formats/quern.md. An entry of `inputs`
/// overrides what the layout of the weights says. Thread-safe.
public final class QuernConfig {
    /// The version that is written; later ones are refused.
    private static final int VERSION = 1;

    private final JsonNode json;
    private final Map<String, JsonNode> entries = new HashMap<>();
    private final Map<JsonNode, LinearInput> read = new ConcurrentHashMap<>();
    private final List<LinearInput> seen = new ArrayList<>();

    private QuernConfig(JsonNode json) {
        this.json = json;
        for (JsonNode entry : json.path("inputs")) {
            entry.path("modules").forEach(module -> entries.put(module.asText(), entry));
        }
    }

    /// Reads the object; a config without one has nothing to say.
    public static QuernConfig of(JsonNode config) {
        JsonNode json = config.path("quern");
        int version = json.path("version").asInt(VERSION);
        if (json.isObject() && version != VERSION) {
            throw new UnsupportedModelException(
                    "config.json: quern version " + version + "; this Quern reads " + VERSION);
        }
        return new QuernConfig(json);
    }

    /// Names of the Linears that have a bias though their family has none there.
    static Set<String> biases(JsonNode config) {
        Set<String> modules = new LinkedHashSet<>();
        config.path("quern").path("biases").forEach(module -> modules.add(module.asText()));
        return modules;
    }

    /// Those of `network`'s Linears that the config's `quern` object gives a bias.
    public static Set<Linear> addedBiases(Network network, JsonNode config) {
        Set<String> names = biases(config);
        Set<Linear> linears = new LinkedHashSet<>();
        network.linears().stream().filter(l -> names.contains(l.name())).forEach(linears::add);
        return linears;
    }

    KvScheme kv() {
        JsonNode kv = json.path("kv");
        if (!kv.isObject()) {
            return KvScheme.FLOAT;
        }
        KvScheme plain = scheme(() -> KvScheme.of(kv.path("bits").asInt(KvScheme.FLOAT.bits())));
        return scheme(() -> new KvScheme(
                plain.bits(),
                kv.path("group_size").asInt(plain.groupSize()),
                kv.path("recent").asInt(plain.recent()),
                kv.path("first").asInt(plain.first())));
    }

    /// What the object says of this Linear's input; the same object for all modules of an entry.
    public Optional<LinearInput> input(SafetensorsFile file, Linear linear) {
        JsonNode entry = entries.get(linear.name());
        return entry == null
                ? Optional.empty()
                : Optional.of(read.computeIfAbsent(entry, e -> StoredTransforms.read(file, e, scheme(e), linear)));
    }

    /// An equal input that was seen before, so that Linears share their work; else this one.
    synchronized LinearInput shared(LinearInput input) {
        for (LinearInput other : seen) {
            if (other.transforms().isEmpty()
                    && other.scheme().equals(input.scheme())
                    && Objects.equals(other.range(), input.range())
                    && Arrays.equals(other.exact(), input.exact())) {
                return other;
            }
        }
        seen.add(input);
        return input;
    }

    /// The scheme of an entry of `inputs` that says nothing else; empty where it has transforms, a
    /// range or columns that stay floats.
    public static Optional<ActivationScheme> schemeAlone(JsonNode entry) {
        return entry.size() == 2 && entry.has("modules") && entry.has("activations")
                ? Optional.of(scheme(entry))
                : Optional.empty();
    }

    private static ActivationScheme scheme(JsonNode entry) {
        JsonNode activations = entry.path("activations");
        if (!activations.isObject()) {
            return ActivationScheme.FLOAT;
        }
        boolean dynamic = activations.path("dynamic").asBoolean(true);
        return scheme(() -> new ActivationScheme(
                activations.path("bits").asInt(16),
                activations.path("symmetric").asBoolean(true),
                dynamic,
                dynamic,
                (float) activations.path("clip").asDouble(1)));
    }

    private static <T> T scheme(Supplier<T> read) {
        try {
            return read.get();
        } catch (UsageException e) {
            throw new QuernException("config.json: quern: " + e.getMessage());
        }
    }

    /// The object for a model with these inputs (those as they are may be left out), biases that its family does not
    /// have, and this KV cache.
    public static ObjectNode write(Map<Linear, LinearInput> inputs, Set<Linear> biases, KvScheme kv) {
        ObjectNode json = Json.object().put("version", VERSION);
        if (!kv.equals(KvScheme.FLOAT)) {
            ObjectNode cache = json.putObject("kv").put("bits", kv.bits());
            if (kv.quantizes()) {
                cache.put("group_size", kv.groupSize())
                        .put("recent", kv.recent())
                        .put("first", kv.first());
            }
        }
        if (!biases.isEmpty()) {
            ArrayNode array = json.putArray("biases");
            biases.forEach(linear -> array.add(linear.name()));
        }
        ArrayNode array = Json.mapper().createArrayNode();
        groups(inputs).forEach((input, modules) -> {
            ObjectNode entry = array.addObject();
            modules.forEach(entry.putArray("modules")::add);
            if (input.scheme().quantizes()) {
                ObjectNode activations = entry.putObject("activations")
                        .put("bits", input.scheme().bits())
                        .put("symmetric", input.scheme().symmetric())
                        .put("dynamic", input.scheme().dynamic());
                if (input.scheme().clip() < 1) {
                    activations.put("clip", input.scheme().clip());
                }
            }
            StoredTransforms.describe(input, entry);
        });
        if (!array.isEmpty()) {
            json.set("inputs", array);
        }
        return json;
    }

    /// The tensors that go with `write`.
    public static List<TensorPlan> plans(Map<Linear, LinearInput> inputs) {
        List<TensorPlan> plans = new ArrayList<>();
        groups(inputs).forEach((input, modules) -> plans.addAll(StoredTransforms.plans(modules.getFirst(), input)));
        return plans;
    }

    /// Modules by the input they share, in order; without those that have nothing to say.
    private static Map<LinearInput, List<String>> groups(Map<Linear, LinearInput> inputs) {
        Map<LinearInput, List<String>> groups = new LinkedHashMap<>();
        Map<LinearInput, LinearInput> known = new IdentityHashMap<>();
        inputs.forEach((linear, input) -> {
            if (!input.isAsIs()) {
                LinearInput first = known.computeIfAbsent(input, i -> i);
                groups.computeIfAbsent(first, _ -> new ArrayList<>()).add(linear.name());
            }
        });
        return groups;
    }
}
