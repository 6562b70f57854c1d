package dev.quern.formats;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.ActivationScheme;
import dev.quern.core.DType;
import dev.quern.core.GroupedWeight;
import dev.quern.core.PackedWeight;
import dev.quern.core.QuernException;
import dev.quern.core.Shape;
import dev.quern.core.Tensor;
import dev.quern.core.TensorSource;
import dev.quern.core.UnsupportedModelException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// compressed-tensors `pack-quantized`: codes packed without gaps along the inputs of each row under `weight_packed`,
/// with `weight_scale [out, groups]`, `weight_shape` and, where asymmetric, `weight_zero_point` packed along the
/// outputs; `weight_g_idx` names the group of each input where codes were chosen in activation order.
///
/// The bytes are described in docs/formats/compressed-tensors.md.
public record PackedLayout(CompressedTensors config) implements WeightLayout {
    private static final String ZEROS = "weight_zero_point";
    private static final String ORDER = "weight_g_idx";

    public PackedLayout {
        if (!GroupedWeight.WIDTHS.contains(config.bits())) {
            throw new UnsupportedModelException("quantization_config: pack-quantized weights of " + config.bits()
                    + " bits; " + GroupedWeight.WIDTHS + " are read");
        }
        if (config.groupSize() < 0) {
            throw new UnsupportedModelException("quantization_config: group_size " + config.groupSize());
        }
    }

    /// For writing: every Linear but those of `ignore`, inputs as they are.
    public static PackedLayout of(int bits, int groupSize, boolean symmetric, boolean order, List<String> ignore) {
        return new PackedLayout(new CompressedTensors(
                CompressedTensors.PACKED, bits, groupSize, symmetric, order, ActivationScheme.FLOAT, Map.of(), ignore));
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
        Tensor packed = tensors.require("weight_packed", 2, DType.I32);
        int rows = tensors.size("weight_packed", packed, 0);
        int words = tensors.size("weight_packed", packed, 1);
        Tensor shape = tensors.require("weight_shape", new Shape(2), DType.I64, DType.I32);
        int cols = Math.toIntExact(words * 32L / bits);
        if (shape.floatAt(0) != rows || shape.floatAt(1) != cols) {
            throw tensors.broken("weight_shape says [" + (long) shape.floatAt(0) + ", " + (long) shape.floatAt(1)
                    + "], weight_packed holds " + rows + " rows of " + cols);
        }
        if ((long) rows * cols > Integer.MAX_VALUE - 8) {
            throw tensors.broken("weight_packed " + packed.shape() + " is too large");
        }
        int group = config.groupSize() == 0 ? cols : Math.min(config.groupSize(), cols);
        int groups = Math.ceilDiv(cols, group);
        Tensor scales = tensors.require("weight_scale", new Shape(rows, groups));
        GroupedWeight weight = GroupedWeight.pack(
                rows,
                cols,
                bits,
                group,
                codes(packed, rows, cols),
                turned(scales, groups, rows),
                zeros(tensors, rows, groups));
        return tensors.has(ORDER) ? weight.withGroupIndex(order(tensors, weight)) : weight;
    }

    private static int[] order(ModuleTensors tensors, GroupedWeight weight) {
        int[] index =
                tensors.require(ORDER, new Shape(weight.cols()), DType.I32).toInts();
        for (int col = 0; col < index.length; col++) {
            if (index[col] < 0 || index[col] >= weight.groups()) {
                throw tensors.broken(
                        ORDER + " puts input " + col + " into group " + index[col] + " of " + weight.groups());
            }
        }
        return index;
    }

    private byte[] codes(Tensor packed, int rows, int cols) {
        int[] words = packed.toInts();
        int perRow = words(cols);
        byte[] codes = new byte[rows * cols];
        for (int row = 0; row < rows; row++) {
            for (int col = 0; col < cols; col++) {
                codes[row * cols + col] = (byte) field(words, row * perRow, 1, col);
            }
        }
        return codes;
    }

    /// `[groups · rows]`, the middle of the range where the file has none.
    private short[] zeros(ModuleTensors tensors, int rows, int groups) {
        int bits = config.bits();
        short[] zeros = new short[Math.multiplyExact(groups, rows)];
        if (config.symmetric()) {
            if (tensors.has(ZEROS)) {
                throw tensors.broken("has " + ZEROS + ", but quantization_config says symmetric");
            }
            Arrays.fill(zeros, (short) (1 << (bits - 1)));
            return zeros;
        }
        int[] packed = tensors.require(ZEROS, new Shape(words(rows), groups), DType.I32)
                .toInts();
        for (int row = 0; row < rows; row++) {
            for (int g = 0; g < groups; g++) {
                zeros[g * rows + row] = (short) field(packed, g, groups, row);
            }
        }
        return zeros;
    }

    /// Words that hold `count` codes.
    private int words(int count) {
        return Math.toIntExact(((long) count * config.bits() + 31) / 32);
    }

    /// Code `index` of a run that begins at `words[from]` and goes on every `stride` words.
    private int field(int[] words, int from, int stride, int index) {
        int bits = config.bits();
        int at = from + (int) ((long) index * bits >>> 5) * stride;
        int shift = index * bits & 31;
        int value = words[at] >>> shift;
        if (shift + bits > 32) {
            value |= words[at + stride] << 32 - shift;
        }
        return value & (1 << bits) - 1;
    }

    /// Puts `code` where `field` finds it; there were zeros before.
    private void put(int[] words, int from, int stride, int index, int code) {
        int bits = config.bits();
        int at = from + (int) ((long) index * bits >>> 5) * stride;
        int shift = index * bits & 31;
        words[at] |= code << shift;
        if (shift + bits > 32) {
            words[at + stride] |= code >>> 32 - shift;
        }
    }

    /// `[m, n]` as `[n, m]`, at its own type.
    private static Tensor turned(Tensor scales, int n, int m) {
        float[] values = new float[Math.multiplyExact(m, n)];
        for (int i = 0; i < m; i++) {
            for (int j = 0; j < n; j++) {
                values[j * m + i] = scales.floatAt((long) i * n + j);
            }
        }
        return Tensor.of(scales.dtype(), values, n, m);
    }

    @Override
    public List<TensorPlan> plans(String module, PackedWeight weight) {
        if (!(weight instanceof GroupedWeight grouped) || grouped.bits() != config.bits()) {
            throw new QuernException(module + ": " + weight.encoding() + " does not fit compressed-tensors"
                    + " pack-quantized with " + config.bits() + " bits");
        }
        int group = config.groupSize() == 0 ? grouped.cols() : Math.min(config.groupSize(), grouped.cols());
        if (grouped.groupSize() != group || grouped.groupIndex() != null && !config.groupOrder()) {
            throw new QuernException(module + ": " + weight.encoding() + " does not fit compressed-tensors"
                    + " pack-quantized with groups of " + group + (config.groupOrder() ? "" : " in plain order"));
        }
        requireZeros(module, grouped);
        int rows = grouped.rows();
        int groups = grouped.groups();
        Shape shape = new Shape(rows, words(grouped.cols()));
        List<TensorPlan> plans = new ArrayList<>();
        plans.add(new TensorPlan(
                module + ".weight_packed", DType.I32, shape, () -> Tensor.of(packCodes(grouped), shape.sizes())));
        plans.add(new TensorPlan(
                module + ".weight_scale",
                grouped.scales().dtype(),
                new Shape(rows, groups),
                () -> turned(grouped.scales(), rows, groups)));
        if (!config.symmetric()) {
            Shape zeros = new Shape(words(rows), groups);
            plans.add(new TensorPlan(
                    module + "." + ZEROS, DType.I32, zeros, () -> Tensor.of(packZeros(grouped), zeros.sizes())));
        }
        int[] order = grouped.groupIndex();
        if (order != null) {
            plans.add(TensorPlan.of(module + "." + ORDER, Tensor.of(order, order.length)));
        }
        MemorySegment sizes = MemorySegment.ofArray(new byte[16]);
        sizes.set(Tensor.LONG, 0, rows);
        sizes.set(Tensor.LONG, 8, grouped.cols());
        plans.add(TensorPlan.of(module + ".weight_shape", new Tensor(DType.I64, new Shape(2), sizes)));
        return plans;
    }

    private void requireZeros(String module, GroupedWeight weight) {
        int middle = 1 << (config.bits() - 1);
        for (short zero : weight.zeroPoints()) {
            if (config.symmetric() ? zero != middle : zero >> config.bits() != 0) {
                throw new QuernException(module + ": a zero point of " + zero + " does not fit compressed-tensors"
                        + " pack-quantized, " + (config.symmetric() ? "symmetric" : "asymmetric"));
            }
        }
    }

    private int[] packCodes(GroupedWeight weight) {
        int perRow = words(weight.cols());
        int[] packed = new int[Math.multiplyExact(weight.rows(), perRow)];
        byte[] row = new byte[weight.cols()];
        for (int r = 0; r < weight.rows(); r++) {
            weight.unpackCodes(r, row, 0);
            for (int col = 0; col < row.length; col++) {
                put(packed, r * perRow, 1, col, Byte.toUnsignedInt(row[col]));
            }
        }
        return packed;
    }

    private int[] packZeros(GroupedWeight weight) {
        int groups = weight.groups();
        int[] packed = new int[words(weight.rows()) * groups];
        for (int row = 0; row < weight.rows(); row++) {
            for (int g = 0; g < groups; g++) {
                put(packed, g, groups, row, weight.zeroPoint(g, row));
            }
        }
        return packed;
    }

    @Override
    public StoredInput input(TensorSource source, String module) {
        return new Int8Layout(new CompressedTensors(
                        CompressedTensors.INT,
                        8,
                        0,
                        true,
                        false,
                        config.activations(),
                        config.exceptions(),
                        config.ignore()))
                .input(source, module);
    }
}
