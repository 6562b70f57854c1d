package dev.quern.formats;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.DType;
import dev.quern.core.PackedWeight;
import dev.quern.core.QuernException;
import dev.quern.core.Shape;
import dev.quern.core.TableWeight;
import dev.quern.core.TableWeight.BlockScales;
import dev.quern.core.TableWeight.NestedScales;
import dev.quern.core.TableWeight.PlainScales;
import dev.quern.core.Tensor;
import dev.quern.core.TensorSource;
import dev.quern.core.UnsupportedModelException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// bitsandbytes' 4-bit layout, NF4 and FP4: codes under `weight`, scales under `weight.absmax`, the table under
/// `weight.quant_map`, and a JSON text of bytes under `weight.quant_state.bitsandbytes__<kind>`. With double
/// quantization `absmax` holds codes of the map `weight.nested_quant_map`, scaled by `weight.nested_absmax`.
///
/// `kind` and `nested` are what `quantization_config` says; a module's own state decides. `skipped` are the Linears of
/// blocks that stay floats. The bytes are described in docs/formats/bitsandbytes.md.
public record TableLayout(String kind, boolean nested, List<String> skipped) implements WeightLayout {
    private static final List<String> KINDS = List.of("nf4", "fp4");
    private static final Map<DType, String> ORIGINS =
            new TreeMap<>(Map.of(DType.F32, "float32", DType.F16, "float16", DType.BF16, "bfloat16"));
    private static final String STATE = "weight.quant_state.bitsandbytes__";

    public TableLayout {
        skipped = List.copyOf(skipped);
    }

    /// Reads the object under `quantization_config`; empty where it describes another layout.
    public static Optional<TableLayout> find(JsonNode config) {
        boolean four = config.path("load_in_4bit")
                .asBoolean(config.path("_load_in_4bit").asBoolean(false));
        if (!config.path("quant_method").asText("").equals("bitsandbytes") || !four) {
            return Optional.empty();
        }
        String kind = config.path("bnb_4bit_quant_type").asText("fp4");
        if (!KINDS.contains(kind)) {
            throw new UnsupportedModelException(
                    "quantization_config: bnb_4bit_quant_type is " + kind + "; " + KINDS + " are read");
        }
        return Optional.of(new TableLayout(
                kind,
                config.path("bnb_4bit_use_double_quant").asBoolean(false),
                SkippedModules.read(config, SkippedModules.BITSANDBYTES)));
    }

    @Override
    public ObjectNode toJson() {
        ObjectNode json = Json.object();
        json.put("quant_method", "bitsandbytes");
        json.put("load_in_8bit", false);
        json.put("load_in_4bit", true);
        json.put("bnb_4bit_quant_type", kind);
        json.put("bnb_4bit_use_double_quant", nested);
        json.put("bnb_4bit_compute_dtype", "float32");
        json.put("bnb_4bit_quant_storage", "uint8");
        SkippedModules.write(json, SkippedModules.BITSANDBYTES, skipped);
        return json;
    }

    @Override
    public boolean holds(TensorSource source, String module) {
        return KINDS.stream().anyMatch(known -> source.names().contains(module + "." + STATE + known));
    }

    @Override
    public TableWeight read(TensorSource source, String module) {
        ModuleTensors tensors = new ModuleTensors(source, module);
        String stored = KINDS.stream()
                .filter(known -> tensors.has(STATE + known))
                .findFirst()
                .orElse(kind);
        JsonNode state = state(tensors, STATE + stored);
        int rows = size(tensors, state, state.path("shape").path(0), "shape");
        int cols = size(tensors, state, state.path("shape").path(1), "shape");
        if (state.path("shape").size() != 2 || (long) rows * cols > Integer.MAX_VALUE) {
            throw tensors.broken("its state says shape " + state.path("shape") + ", expected a matrix");
        }
        int block = size(tensors, state, state.path("blocksize"), "blocksize");
        int weights = rows * cols;
        Tensor packed = tensors.require("weight", new Shape((weights + 1) / 2, 1), DType.U8);
        Tensor codes = new Tensor(DType.U8, new Shape((weights + 1) / 2), packed.data());
        float[] table = finite(tensors, "weight.quant_map", 16);
        BlockScales scales = scales(tensors, state, Math.ceilDiv(weights, block));
        return new TableWeight(stored, rows, cols, codes, table, block, scales, origin(tensors, state));
    }

    private static DType origin(ModuleTensors tensors, JsonNode state) {
        String name = state.path("dtype").asText("unnamed");
        for (Map.Entry<DType, String> known : ORIGINS.entrySet()) {
            if (known.getValue().equals(name)) {
                return known.getKey();
            }
        }
        throw tensors.broken("its state says dtype " + name + ", expected one of " + ORIGINS.values());
    }

    private static BlockScales scales(ModuleTensors tensors, JsonNode state, int blocks) {
        if (!state.has("nested_blocksize")) {
            return new PlainScales(tensors.column("weight.absmax", blocks, DType.F32));
        }
        int outer = size(tensors, state, state.path("nested_blocksize"), "nested_blocksize");
        double offset = state.path("nested_offset").asDouble(Double.NaN);
        if (!Double.isFinite(offset)) {
            throw tensors.broken("its state says nested_offset " + state.path("nested_offset") + ", expected a number");
        }
        return new NestedScales(
                tensors.column("weight.absmax", blocks, DType.U8),
                finite(tensors, "weight.nested_quant_map", 256),
                finite(tensors, "weight.nested_absmax", Math.ceilDiv(blocks, outer)),
                outer,
                (float) offset);
    }

    private static float[] finite(ModuleTensors tensors, String part, int count) {
        float[] values = tensors.column(part, count, DType.F32).toFloats();
        for (float value : values) {
            if (!Float.isFinite(value)) {
                throw tensors.broken(part + " holds " + value);
            }
        }
        return values;
    }

    private static JsonNode state(ModuleTensors tensors, String part) {
        byte[] bytes = tensors.require(part, 1, DType.U8).data().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
        return Json.parse(Path.of(tensors.module() + "." + part), new String(bytes, StandardCharsets.UTF_8));
    }

    private static int size(ModuleTensors tensors, JsonNode state, JsonNode value, String key) {
        if (!value.isInt() || value.asInt() < 1) {
            throw tensors.broken("its state says " + key + " " + state.path(key) + ", expected a whole number");
        }
        return value.asInt();
    }

    @Override
    public List<TensorPlan> plans(String module, PackedWeight weight) {
        if (!(weight instanceof TableWeight w)) {
            throw new QuernException(module + ": " + weight.encoding()
                    + " does not fit bitsandbytes' 4-bit layout, which holds nf4 and fp4 codes");
        }
        String name = module + ".weight";
        Shape shape = new Shape(w.codes().shape().count(), 1);
        List<TensorPlan> plans = new ArrayList<>();
        plans.add(TensorPlan.of(name, new Tensor(DType.U8, shape, w.codes().data())));
        plans.add(TensorPlan.of(name + ".quant_map", Tensor.of(w.table(), 16)));
        ObjectNode state = Json.object().put("quant_type", w.kind()).put("blocksize", w.blockSize());
        state.put("dtype", ORIGINS.get(w.origin()))
                .putArray("shape")
                .add(w.rows())
                .add(w.cols());
        switch (w.scales()) {
            case PlainScales plain -> plans.add(TensorPlan.of(name + ".absmax", plain.values()));
            case NestedScales nest -> {
                plans.add(TensorPlan.of(name + ".absmax", nest.codes()));
                plans.add(TensorPlan.of(name + ".nested_quant_map", Tensor.of(nest.map(), 256)));
                plans.add(TensorPlan.of(name + ".nested_absmax", Tensor.of(nest.outer(), nest.outer().length)));
                state.put("nested_blocksize", nest.outerSize()).put("nested_dtype", "float32");
                // the peer's number is a double: the shortest text of the same float reads back as that float
                state.put("nested_offset", (double) nest.offset());
            }
        }
        plans.add(TensorPlan.of(module + "." + STATE + w.kind(), bytes(state)));
        return plans;
    }

    private static Tensor bytes(ObjectNode state) {
        // blanks as the peer writes them; no text in it holds a comma or a colon
        byte[] text = state.toString().replace(",", ", ").replace(":", ": ").getBytes(StandardCharsets.UTF_8);
        return new Tensor(DType.U8, new Shape(text.length), java.lang.foreign.MemorySegment.ofArray(text));
    }
}
