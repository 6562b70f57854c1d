package dev.quern.formats;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.ActivationScheme;
import dev.quern.core.DType;
import dev.quern.core.Int8Weight;
import dev.quern.core.PackedWeight;
import dev.quern.core.QuantParams;
import dev.quern.core.QuernException;
import dev.quern.core.Shape;
import dev.quern.core.Tensor;
import dev.quern.core.TensorSource;
import dev.quern.core.UnsupportedModelException;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// compressed-tensors `int-quantized`: 8-bit rows under `weight`, scales under `weight_scale`, and the scheme of the
/// inputs; W8A8. A static scheme's range lies under `input_scale` and `input_zero_point`.
///
/// The bytes are described in docs/formats/compressed-tensors.md.
public record Int8Layout(CompressedTensors config) implements WeightLayout {
    public Int8Layout {
        if (config.bits() != 8 || config.groupSize() != 0 || !config.symmetric()) {
            throw new UnsupportedModelException("quantization_config: int-quantized weights of " + config.bits()
                    + " bits, group_size " + config.groupSize() + ", symmetric " + config.symmetric()
                    + "; 8 bits by channel, symmetric, is read");
        }
    }

    /// For writing: every Linear but those of `ignore`, with inputs of this scheme.
    public static Int8Layout of(ActivationScheme activations, List<String> ignore) {
        return new Int8Layout(
                new CompressedTensors(CompressedTensors.INT, 8, 0, true, false, activations, Map.of(), ignore));
    }

    /// The same where the inputs of some modules, by name, are held in another scheme.
    public Int8Layout except(Map<String, ActivationScheme> modules) {
        return new Int8Layout(config.except(modules));
    }

    /// Reads the object under `quantization_config`; empty where it describes another layout.
    public static Optional<Int8Layout> find(JsonNode config) {
        return CompressedTensors.find(config, CompressedTensors.INT).map(Int8Layout::new);
    }

    @Override
    public ObjectNode toJson() {
        return config.toJson();
    }

    @Override
    public boolean holds(TensorSource source, String module) {
        return source.names().contains(module + ".weight_scale");
    }

    @Override
    public Int8Weight read(TensorSource source, String module) {
        ModuleTensors tensors = new ModuleTensors(source, module);
        Tensor codes = tensors.require("weight", 2, DType.I8);
        int rows = tensors.size("weight", codes, 0);
        int cols = tensors.size("weight", codes, 1);
        return new Int8Weight(rows, cols, codes, tensors.column("weight_scale", rows));
    }

    @Override
    public List<TensorPlan> plans(String module, PackedWeight weight) {
        if (!(weight instanceof Int8Weight int8) || int8.steps() != 1) {
            throw new QuernException(
                    module + ": " + weight.encoding()
                            + " does not fit compressed-tensors int-quantized, which holds int8 rows and the worth of one code");
        }
        Tensor scales = int8.scales();
        return List.of(
                TensorPlan.of(module + ".weight", int8.codes()),
                TensorPlan.of(
                        module + ".weight_scale",
                        new Tensor(scales.dtype(), new Shape(int8.rows(), 1), scales.data())));
    }

    private static List<TensorPlan> rangePlans(String module, ActivationScheme scheme, QuantParams range) {
        TensorPlan scale = TensorPlan.of(module + ".input_scale", Tensor.of(new float[] {range.scale()}, 1));
        if (scheme.symmetric()) {
            return List.of(scale);
        }
        byte zero = (byte) (range.zeroPoint() - middle(scheme));
        return List.of(scale, TensorPlan.of(module + ".input_zero_point", Tensor.of(new byte[] {zero}, 1)));
    }

    @Override
    public Optional<List<TensorPlan>> inputPlans(String module, StoredInput input) {
        if (!input.scheme().equals(config.activations(module)) || input.exact().length > 0) {
            return Optional.empty();
        }
        QuantParams range = input.range();
        return Optional.of(range == null ? List.of() : rangePlans(module, input.scheme(), range));
    }

    @Override
    public StoredInput input(TensorSource source, String module) {
        ActivationScheme scheme = config.activations(module);
        if (!scheme.quantizes() || scheme.dynamic()) {
            return new StoredInput(scheme, null, new int[0]);
        }
        return new StoredInput(scheme, range(new ModuleTensors(source, module), scheme), new int[0]);
    }

    /// A static range; codes are signed in the file and unsigned here.
    static QuantParams range(ModuleTensors tensors, ActivationScheme scheme) {
        float scale = tensors.column("input_scale", 1).floatAt(0);
        if (!(scale > 0) || scale == Float.POSITIVE_INFINITY) {
            throw tensors.broken("input_scale is " + scale + ", expected a positive number");
        }
        int zero = tensors.has("input_zero_point")
                ? (int) tensors.column("input_zero_point", 1, DType.I8, DType.I32, DType.I64)
                        .floatAt(0)
                : 0;
        int unsigned = zero + middle(scheme);
        if (unsigned < 0 || unsigned > scheme.qmax()) {
            throw tensors.broken("input_zero_point is " + zero + ", outside the codes of " + scheme.bits() + " bits");
        }
        return new QuantParams(scale, unsigned);
    }

    private static int middle(ActivationScheme scheme) {
        return 1 << (scheme.bits() - 1);
    }
}
