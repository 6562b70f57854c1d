package dev.quern.formats;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.Codebook;
import dev.quern.core.PackedWeight;
import dev.quern.core.QuernException;
import dev.quern.core.TensorSource;
import dev.quern.core.UnsupportedModelException;
import dev.quern.core.VectorWeight;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// The `quantization_config` of a checkpoint in the layout of the vptq package: how each module is stored, by its full
/// name (`config_for_layers`) or by the last part of it (`shared_layer_config`).
public record VptqConfig(Map<String, Module> modules, Map<String, Module> shared) implements WeightLayout {
    /// How one module is stored. `residual` is the size of its second book, 0 = none; `outliers` columns have a book of
    /// `outlierSize` vectors of `outlierLength`; `packed` = main and residual indices share words.
    public record Module(
            int inFeatures,
            int outFeatures,
            int length,
            int size,
            int residual,
            int groups,
            int groupSize,
            int outliers,
            int outlierLength,
            int outlierSize,
            boolean norm,
            boolean permuted,
            boolean packed,
            boolean bias) {
        /// How `weight` is stored: always packed, since the package's loader fails on unpacked residual indices.
        public static Module of(VectorWeight weight, boolean bias) {
            Codebook residual = weight.residual();
            Codebook outlier = weight.outlier();
            return new Module(
                    weight.cols(),
                    weight.rows(),
                    weight.main().length(),
                    weight.main().size(),
                    residual == null ? 0 : residual.size(),
                    weight.main().groups(),
                    weight.groupSize(),
                    weight.outliers(),
                    outlier == null ? 0 : outlier.length(),
                    outlier == null ? 0 : outlier.size(),
                    weight.scale() != null,
                    weight.permutation() != null,
                    true,
                    bias);
        }

        /// Only keys that the inference package's constructor takes.
        ObjectNode toJson() {
            ObjectNode json = Json.object();
            json.put("in_features", inFeatures).put("out_features", outFeatures);
            json.putArray("vector_lens").add(outliers == 0 ? -1 : outlierLength).add(length);
            json.putArray("num_centroids").add(outliers == 0 ? -1 : outlierSize).add(size);
            json.putArray("num_res_centroids").add(-1).add(residual == 0 ? -1 : residual);
            json.put("group_num", groups).put("group_size", groupSize);
            json.put("outlier_size", outliers);
            json.put("indices_as_float", false);
            json.put("enable_norm", norm).put("enable_perm", permuted);
            json.put("is_indice_packed", packed).put("bias", bias);
            return json.put("vector_quant_dim", "out");
        }

        private static Module parse(String name, JsonNode json) {
            if (!json.path("vector_quant_dim").asText("out").equals("out")) {
                throw bad(name, "vector_quant_dim " + json.get("vector_quant_dim") + "; only out is read");
            }
            if (json.path("indices_as_float").asBoolean(false)) {
                throw bad(name, "indices_as_float is true; only whole numbers are read");
            }
            int outliers = number(name, json, "outlier_size", 0, 0);
            return new Module(
                    number(name, json, "in_features", 0, 1),
                    number(name, json, "out_features", 0, 1),
                    second(name, json, "vector_lens", 1),
                    second(name, json, "num_centroids", 1),
                    Math.max(0, second(name, json, "num_res_centroids", -1)),
                    number(name, json, "group_num", 1, 1),
                    number(name, json, "group_size", -1, -1),
                    outliers,
                    outliers == 0 ? 0 : first(name, json, "vector_lens", 1),
                    outliers == 0 ? 0 : first(name, json, "num_centroids", 1),
                    json.path("enable_norm").asBoolean(false),
                    json.path("enable_perm").asBoolean(false),
                    json.path("is_indice_packed").asBoolean(false),
                    json.path("bias").asBoolean(false));
        }

        private static int number(String name, JsonNode json, String key, int absent, int least) {
            JsonNode value = json.path(key);
            if (value.isMissingNode() && absent >= least) {
                return absent;
            }
            return checked(name, key, value, least);
        }

        private static int first(String name, JsonNode json, String key, int least) {
            return checked(name, key + "[0]", json.path(key).path(0), least);
        }

        private static int second(String name, JsonNode json, String key, int least) {
            return checked(name, key + "[1]", json.path(key).path(1), least);
        }

        private static int checked(String name, String key, JsonNode value, int least) {
            if (!value.canConvertToInt() || value.asInt() < least) {
                String found = value.isMissingNode() ? "missing" : value.toString();
                throw bad(name, key + " is " + found + ", expected a whole number of at least " + least);
            }
            return value.asInt();
        }
    }

    public VptqConfig {
        modules = Map.copyOf(modules);
        shared = Map.copyOf(shared);
    }

    /// Reads the object under `quantization_config`; empty where it describes another method.
    public static Optional<VptqConfig> find(JsonNode config) {
        return config.path("quant_method").asText("").equals("vptq") ? Optional.of(parse(config)) : Optional.empty();
    }

    private static VptqConfig parse(JsonNode config) {
        return new VptqConfig(modules(config, "config_for_layers"), modules(config, "shared_layer_config"));
    }

    private static Map<String, Module> modules(JsonNode config, String key) {
        Map<String, Module> modules = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> entry : config.path(key).properties()) {
            modules.put(entry.getKey(), Module.parse(key + "." + entry.getKey(), entry.getValue()));
        }
        return modules;
    }

    private static UnsupportedModelException bad(String name, String reason) {
        return new UnsupportedModelException("quantization_config: " + name + ": " + reason);
    }

    /// How `module` is stored: by its full name, else by its last part.
    public Optional<Module> module(String module) {
        Module own = modules.get(module);
        return Optional.ofNullable(own != null ? own : shared.get(module.substring(module.lastIndexOf('.') + 1)));
    }

    @Override
    public boolean holds(TensorSource source, String module) {
        return VptqLayout.has(source, module);
    }

    @Override
    public VectorWeight read(TensorSource source, String module) {
        return VptqLayout.read(source, module, this);
    }

    @Override
    public List<TensorPlan> plans(String module, PackedWeight weight) {
        if (!(weight instanceof VectorWeight vectors)) {
            throw new QuernException(module + ": " + weight.encoding()
                    + " does not fit the layout of the vptq package, which holds vector codebooks");
        }
        return VptqLayout.plans(module, vectors);
    }

    /// The object to write under `quantization_config`, modules by name.
    @Override
    public ObjectNode toJson() {
        ObjectNode json = Json.object();
        json.put("quant_method", "vptq");
        ObjectNode all = json.putObject("config_for_layers");
        new TreeMap<>(modules).forEach((name, module) -> all.set(name, module.toJson()));
        if (!shared.isEmpty()) {
            ObjectNode some = json.putObject("shared_layer_config");
            new TreeMap<>(shared).forEach((name, module) -> some.set(name, module.toJson()));
        }
        return json;
    }
}
