package dev.quern.formats;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;

/// The list in `quantization_config` of Linears that stay floats. Readers skip the head by themselves where there is no
/// list, and nothing but what it names where there is one.
final class SkippedModules {
    static final String BITSANDBYTES = "llm_int8_skip_modules";
    static final String AWQ = "modules_to_not_convert";

    private static final String RULES = "dynamic";
    private static final String SKIP = "-:^";
    private static final String HEAD = "lm_head";

    private SkippedModules() {}

    /// The Linears of blocks that `config` names.
    static List<String> read(JsonNode config, String key) {
        List<String> names = new ArrayList<>();
        config.path(key).forEach(name -> names.add(name.asText()));
        names.remove(HEAD);
        return List.copyOf(names);
    }

    static void write(ObjectNode config, String key, List<String> skipped) {
        if (skipped.isEmpty()) {
            config.putNull(key);
            return;
        }
        ArrayNode names = config.putArray(key).add(HEAD);
        skipped.forEach(names::add);
    }

    /// GPTQModel's rules for single modules, in the GPTQ and AWQ layouts: those that begin with `-:` skip what the
    /// regular expression behind it matches.
    static List<String> readRules(JsonNode config) {
        List<String> names = new ArrayList<>();
        config.path(RULES).fieldNames().forEachRemaining(rule -> {
            if (rule.startsWith(SKIP) && rule.endsWith("$")) {
                names.add(rule.substring(SKIP.length(), rule.length() - 1).replace("\\.", "."));
            }
        });
        return names;
    }

    static void writeRules(ObjectNode config, List<String> skipped) {
        if (!skipped.isEmpty()) {
            ObjectNode rules = config.putObject(RULES);
            skipped.forEach(name -> rules.putObject(SKIP + name.replace(".", "\\.") + "$"));
        }
    }
}
