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
import java.util.List;
import java.util.Optional;

/// AutoAWQ's `gemm` layout: 4-bit codes packed along the outputs, `qweight [in, out / 8]`, even outputs first.
///
/// `groupSize` 0 = the whole row (−1 in the file); `skipped` are the Linears of blocks that stay floats. The bytes are
/// described in docs/formats/awq.md.
public record AwqLayout(int groupSize, List<String> skipped) implements WeightLayout {
    private static final int BITS = 4;
    private static final int EACH = 8;

    /// Where each of a word's eight outputs lies: the fields hold outputs 0 2 4 6 1 3 5 7, lowest bits first.
    private static final int[] SHIFT = {0, 16, 4, 20, 8, 24, 12, 28};

    public AwqLayout {
        skipped = List.copyOf(skipped);
        if (groupSize < 0) {
            throw new UnsupportedModelException("quantization_config: group_size " + groupSize);
        }
    }

    /// Reads the object under `quantization_config`; empty where it describes another method.
    public static Optional<AwqLayout> find(JsonNode config) {
        if (!config.path("quant_method").asText("").equals("awq")) {
            return Optional.empty();
        }
        String version = config.path("version").asText("gemm");
        int bits = config.path("bits").asInt(config.path("w_bit").asInt(BITS));
        JsonNode group = config.hasNonNull("group_size") ? config.get("group_size") : config.path("q_group_size");
        if (!version.equalsIgnoreCase("gemm")
                || bits != BITS
                || !config.path("zero_point").asBoolean(true)) {
            throw new UnsupportedModelException("quantization_config: AWQ version " + version + " with bits " + bits
                    + " and zero_point " + config.path("zero_point") + "; gemm with 4 bits and zero points is read");
        }
        int size = group.asInt(128);
        return Optional.of(new AwqLayout(size == -1 ? 0 : size, SkippedModules.read(config, SkippedModules.AWQ)));
    }

    @Override
    public ObjectNode toJson() {
        ObjectNode json = Json.object();
        json.put("quant_method", "awq");
        json.put("bits", BITS);
        json.put("group_size", groupSize == 0 ? -1 : groupSize);
        json.put("zero_point", true);
        json.put("version", "gemm");
        SkippedModules.write(json, SkippedModules.AWQ, skipped);
        SkippedModules.writeRules(json, skipped);
        return json;
    }

    @Override
    public boolean holds(TensorSource source, String module) {
        return source.names().contains(module + ".qweight");
    }

    @Override
    public GroupedWeight read(TensorSource source, String module) {
        ModuleTensors tensors = new ModuleTensors(source, module);
        Tensor qweight = tensors.require("qweight", 2, DType.I32);
        int cols = tensors.size("qweight", qweight, 0);
        int words = tensors.size("qweight", qweight, 1);
        int rows = Math.multiplyExact(words, EACH);
        Tensor scales = tensors.require("scales", 2);
        int groups = tensors.size("scales", scales, 0);
        int group = groupSize == 0 ? cols : Math.min(groupSize, cols);
        if (Math.ceilDiv(cols, group) != groups || !scales.shape().equals(new Shape(groups, rows))) {
            throw tensors.broken("scales are " + scales.shape() + ", expected "
                    + new Shape(Math.ceilDiv(cols, group), rows) + " for group_size " + groupSize);
        }
        if (cols % EACH != 0) {
            throw tensors.broken(cols + " inputs do not fill 32-bit words");
        }
        if ((long) rows * cols > Integer.MAX_VALUE - 8) {
            throw tensors.broken("qweight " + qweight.shape() + " is too large");
        }
        int[] zeros =
                tensors.require("qzeros", new Shape(groups, words), DType.I32).toInts();
        short[] zeroPoints = new short[groups * rows];
        for (int i = 0; i < zeroPoints.length; i++) {
            zeroPoints[i] = (short) field(zeros[i / EACH], i % EACH);
        }
        byte[] codes = new byte[rows * cols];
        for (int col = 0; col < cols; col++) {
            for (int w = 0; w < words; w++) {
                int word = qweight.data().get(Tensor.INT, ((long) col * words + w) * 4);
                for (int i = 0; i < EACH; i++) {
                    codes[(w * EACH + i) * cols + col] = (byte) field(word, i);
                }
            }
        }
        return GroupedWeight.pack(rows, cols, BITS, group, codes, scales, zeroPoints);
    }

    @Override
    public List<TensorPlan> plans(String module, PackedWeight weight) {
        if (!(weight instanceof GroupedWeight grouped)
                || grouped.bits() != BITS
                || grouped.groupIndex() != null
                || grouped.rows() % EACH != 0) {
            throw new QuernException(module + ": " + weight.encoding() + " with " + weight.rows()
                    + " outputs does not fit the AWQ layout, which holds 4-bit codes in plain groups of"
                    + " a multiple of 8 outputs");
        }
        for (short zero : grouped.zeroPoints()) {
            if (zero >= 1 << BITS) {
                throw new QuernException(module + ": a zero point of " + zero + " does not fit the AWQ layout");
            }
        }
        int words = grouped.rows() / EACH;
        Shape zeros = new Shape(grouped.groups(), words);
        Shape codes = new Shape(grouped.cols(), words);
        return List.of(
                new TensorPlan(
                        module + ".qweight", DType.I32, codes, () -> Tensor.of(packCodes(grouped), codes.sizes())),
                new TensorPlan(
                        module + ".qzeros", DType.I32, zeros, () -> Tensor.of(packZeros(grouped), zeros.sizes())),
                TensorPlan.of(module + ".scales", grouped.scales()));
    }

    private static int[] packCodes(GroupedWeight weight) {
        int words = weight.rows() / EACH;
        int[] packed = new int[Math.multiplyExact(weight.cols(), words)];
        byte[] row = new byte[weight.cols()];
        for (int r = 0; r < weight.rows(); r++) {
            weight.unpackCodes(r, row, 0);
            for (int col = 0; col < row.length; col++) {
                packed[col * words + r / EACH] |= row[col] << SHIFT[r % EACH];
            }
        }
        return packed;
    }

    private static int[] packZeros(GroupedWeight weight) {
        short[] zeros = weight.zeroPoints();
        int[] packed = new int[zeros.length / EACH];
        for (int i = 0; i < zeros.length; i++) {
            packed[i / EACH] |= zeros[i] << SHIFT[i % EACH];
        }
        return packed;
    }

    private static int field(int word, int output) {
        return word >>> SHIFT[output] & 15;
    }
}
