package dev.quern.formats;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.DType;
import dev.quern.core.GroupedWeight;
import dev.quern.core.PackedWeight;
import dev.quern.core.QuernException;
import dev.quern.core.Shape;
import dev.quern.core.Tensor;
import dev.quern.core.TensorSource;
import dev.quern.core.UnsupportedModelException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// compressed-tensors `pack-quantized`: 4- or 8-bit codes packed along the inputs of each row under `weight_packed`,
/// with `weight_scale [out, groups]`, `weight_shape` and, where asymmetric, `weight_zero_point` packed along the
/// outputs. Read, and never written: the GPTQ layout holds the same.
///
/// The bytes are described in docs/formats/compressed-tensors.md.
public record PackedLayout(CompressedTensors config) implements WeightLayout {
    public PackedLayout {
        if (config.bits() != 4 && config.bits() != 8) {
            throw new UnsupportedModelException(
                    "quantization_config: pack-quantized weights of " + config.bits() + " bits; 4 and 8 are read");
        }
        if (config.groupSize() < 0) {
            throw new UnsupportedModelException("quantization_config: group_size " + config.groupSize());
        }
    }

    /// Reads the object under `quantization_config`; empty where it describes another layout.
    public static Optional<PackedLayout> find(JsonNode config) {
        return CompressedTensors.find(config, CompressedTensors.PACKED).map(PackedLayout::new);
    }

    @Override
    public ObjectNode toJson() {
        return config.toJson();
    }

    @Override
    public boolean holds(TensorSource source, String module) {
        return source.names().contains(module + ".weight_packed");
    }

    @Override
    public GroupedWeight read(TensorSource source, String module) {
        ModuleTensors tensors = new ModuleTensors(source, module);
        int bits = config.bits();
        int each = 32 / bits;
        Tensor packed = tensors.require("weight_packed", 2, DType.I32);
        int rows = tensors.size("weight_packed", packed, 0);
        int words = tensors.size("weight_packed", packed, 1);
        Tensor shape = tensors.require("weight_shape", new Shape(2), DType.I64, DType.I32);
        int cols = Math.multiplyExact(words, each);
        if (shape.floatAt(0) != rows || shape.floatAt(1) != cols) {
            throw tensors.broken("weight_shape says [" + (long) shape.floatAt(0) + ", " + (long) shape.floatAt(1)
                    + "], weight_packed holds " + rows + " rows of " + cols);
        }
        if (tensors.has("weight_g_idx")) {
            throw tensors.broken("weight_g_idx (activation order) is not read in this layout");
        }
        if ((long) rows * cols > Integer.MAX_VALUE - 8) {
            throw tensors.broken("weight_packed " + packed.shape() + " is too large");
        }
        int group = config.groupSize() == 0 ? cols : Math.min(config.groupSize(), cols);
        int groups = Math.ceilDiv(cols, group);
        Tensor scales = tensors.require("weight_scale", new Shape(rows, groups));
        return GroupedWeight.pack(
                rows, cols, bits, group, codes(packed, rows, cols), turned(scales), zeros(tensors, rows, groups));
    }

    private byte[] codes(Tensor packed, int rows, int cols) {
        int bits = config.bits();
        int each = 32 / bits;
        byte[] codes = new byte[rows * cols];
        for (int at = 0; at < codes.length; at += each) {
            int word = packed.data().get(Tensor.INT, 4L * (at / each));
            for (int i = 0; i < each; i++) {
                codes[at + i] = (byte) (word >>> i * bits & (1 << bits) - 1);
            }
        }
        return codes;
    }

    /// `[groups · rows]`, the middle of the range where the file has none.
    private short[] zeros(ModuleTensors tensors, int rows, int groups) {
        int bits = config.bits();
        int each = 32 / bits;
        short[] zeros = new short[Math.multiplyExact(groups, rows)];
        if (config.symmetric()) {
            Arrays.fill(zeros, (short) (1 << (bits - 1)));
            return zeros;
        }
        Tensor packed = tensors.require("weight_zero_point", new Shape(Math.ceilDiv(rows, each), groups), DType.I32);
        for (int row = 0; row < rows; row++) {
            for (int g = 0; g < groups; g++) {
                int word = packed.data().get(Tensor.INT, 4L * (row / each * groups + g));
                zeros[g * rows + row] = (short) (word >>> row % each * bits & (1 << bits) - 1);
            }
        }
        return zeros;
    }

    /// `[rows, groups]` as `[groups, rows]`, at its own type.
    private static Tensor turned(Tensor scales) {
        int rows = scales.shape().dim(0);
        int groups = scales.shape().dim(1);
        float[] values = new float[rows * groups];
        for (int row = 0; row < rows; row++) {
            for (int g = 0; g < groups; g++) {
                values[g * rows + row] = scales.floatAt((long) row * groups + g);
            }
        }
        return Tensor.of(scales.dtype(), values, groups, rows);
    }

    @Override
    public List<TensorPlan> plans(String module, PackedWeight weight) {
        throw new QuernException(module + ": Quern reads compressed-tensors pack-quantized and writes the GPTQ layout");
    }

    @Override
    public StoredInput input(TensorSource source, String module) {
        return new Int8Layout(
                        new CompressedTensors(CompressedTensors.INT, 8, 0, true, config.activations(), config.ignore()))
                .input(source, module);
    }
}
