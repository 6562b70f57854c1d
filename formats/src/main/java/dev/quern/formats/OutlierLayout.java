package dev.quern.formats;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.ActivationScheme;
import dev.quern.core.DType;
import dev.quern.core.Int8Weight;
import dev.quern.core.OutlierInt8Weight;
import dev.quern.core.PackedWeight;
import dev.quern.core.QuernException;
import dev.quern.core.Shape;
import dev.quern.core.Tensor;
import dev.quern.core.TensorSource;
import dev.quern.core.UnsupportedModelException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// bitsandbytes' 8-bit layout: int8 rows under `weight`, each row's largest magnitude under `SCB`, so that
/// `w = code · SCB / 127`. `skipped` are the Linears of blocks that stay floats.
///
/// Where Quern wrote it, the outlier columns that calibration found lie beside: `outlier_columns`, `outlier_weight`.
/// Such modules run as LLM.int8() with these columns; other readers find theirs when they run. `threshold` is
/// `llm_int8_threshold`. The bytes are described in docs/formats/bitsandbytes.md.
public record OutlierLayout(float threshold, List<String> skipped) implements WeightLayout {
    private static final ActivationScheme INPUTS = ActivationScheme.dynamic(8, true);
    private static final String FORMAT = "weight_format";
    private static final String COLUMNS = "outlier_columns";
    private static final String WEIGHT = "outlier_weight";

    public OutlierLayout {
        skipped = List.copyOf(skipped);
    }

    /// Reads the object under `quantization_config`; empty where it describes another method.
    public static Optional<OutlierLayout> find(JsonNode config) {
        if (!config.path("quant_method").asText("").equals("bitsandbytes")) {
            return Optional.empty();
        }
        if (!config.path("load_in_8bit").asBoolean(config.path("_load_in_8bit").asBoolean(false))) {
            throw new UnsupportedModelException(
                    "quantization_config: bitsandbytes with neither load_in_8bit nor load_in_4bit; one must be true");
        }
        return Optional.of(new OutlierLayout(
                (float) config.path("llm_int8_threshold").asDouble(6),
                SkippedModules.read(config, SkippedModules.BITSANDBYTES)));
    }

    @Override
    public ObjectNode toJson() {
        ObjectNode json = Json.object();
        json.put("quant_method", "bitsandbytes");
        json.put("load_in_8bit", true);
        json.put("load_in_4bit", false);
        json.put("llm_int8_threshold", threshold);
        json.put("llm_int8_has_fp16_weight", false);
        SkippedModules.write(json, SkippedModules.BITSANDBYTES, skipped);
        return json;
    }

    @Override
    public boolean holds(TensorSource source, String module) {
        return source.names().contains(module + ".SCB");
    }

    @Override
    public PackedWeight read(TensorSource source, String module) {
        ModuleTensors tensors = new ModuleTensors(source, module);
        Tensor codes = tensors.require("weight", 2, DType.I8);
        int rows = tensors.size("weight", codes, 0);
        int cols = tensors.size("weight", codes, 1);
        if (tensors.has(FORMAT)
                && tensors.require(FORMAT, new Shape(), DType.U8).floatAt(0) != 0) {
            throw new UnsupportedModelException(module + ": weight_format is not 0: codes laid out for a graphics"
                    + " processor; save the model anew with its rows in order");
        }
        Tensor largest = tensors.column("SCB", rows);
        Int8Weight regular = new Int8Weight(rows, cols, codes, largest, Int8Weight.LARGEST);
        if (!tensors.has(COLUMNS)) {
            return regular;
        }
        int[] columns = columns(tensors, cols);
        return new OutlierInt8Weight(regular, columns, tensors.require(WEIGHT, new Shape(rows, columns.length)));
    }

    private static int[] columns(ModuleTensors tensors, int cols) {
        int[] columns = tensors.require(COLUMNS, 1, DType.I32).toInts();
        for (int i = 0; i < columns.length; i++) {
            if (columns[i] < 0 || columns[i] >= cols || i > 0 && columns[i] <= columns[i - 1]) {
                throw tensors.broken(
                        COLUMNS + " names input " + columns[i] + ", which is out of order or not below " + cols);
            }
        }
        return columns;
    }

    @Override
    public List<TensorPlan> plans(String module, PackedWeight weight) {
        if (weight instanceof Int8Weight rows && rows.steps() == Int8Weight.LARGEST) {
            return rowPlans(module, rows);
        }
        if (!(weight instanceof OutlierInt8Weight w) || w.regular().steps() != Int8Weight.LARGEST) {
            throw new QuernException(module + ": " + weight.encoding()
                    + " does not fit the bitsandbytes layout, which holds int8 rows in 127ths of their largest weight");
        }
        List<TensorPlan> plans = new ArrayList<>(rowPlans(module, w.regular()));
        plans.add(TensorPlan.of(module + "." + COLUMNS, Tensor.of(w.outliers(), w.outliers().length)));
        plans.add(TensorPlan.of(module + "." + WEIGHT, w.columns()));
        return plans;
    }

    private static List<TensorPlan> rowPlans(String module, Int8Weight rows) {
        Tensor inOrder = new Tensor(DType.U8, new Shape(), MemorySegment.ofArray(new byte[1]));
        return List.of(
                TensorPlan.of(module + ".weight", rows.codes()),
                TensorPlan.of(module + ".SCB", rows.scales()),
                TensorPlan.of(module + "." + FORMAT, inOrder));
    }

    @Override
    public Optional<List<TensorPlan>> inputPlans(String module, StoredInput input) {
        return input.scheme().equals(INPUTS) ? Optional.of(List.of()) : Optional.empty();
    }

    /// LLM.int8(): symmetric codes for each token, the outlier columns exact.
    @Override
    public StoredInput input(TensorSource source, String module) {
        ModuleTensors tensors = new ModuleTensors(source, module);
        if (!tensors.has(COLUMNS)) {
            return StoredInput.FLOAT;
        }
        int cols = tensors.size("weight", tensors.require("weight", 2, DType.I8), 1);
        return new StoredInput(INPUTS, null, columns(tensors, cols));
    }
}
