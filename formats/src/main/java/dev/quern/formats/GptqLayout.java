package dev.quern.formats;

import dev.quern.core.DType;
import dev.quern.core.GroupedWeight;
import dev.quern.core.QuernException;
import dev.quern.core.Shape;
import dev.quern.core.Tensor;
import dev.quern.core.TensorSource;
import dev.quern.formats.GptqConfig.Zeros;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The GPTQ layout of one module: `qweight`, `qzeros`, `scales` and `g_idx` under the module's name.
///
/// The bytes are described in docs/formats/gptq.md.
public final class GptqLayout {
    private static final System.Logger LOG = System.getLogger(GptqLayout.class.getName());

    private GptqLayout() {}

    /// The modules of `source` that are stored in this layout, in its order.
    public static List<String> modules(TensorSource source) {
        return source.names().stream()
                .filter(name -> name.endsWith(".qweight"))
                .map(name -> name.substring(0, name.length() - ".qweight".length()))
                .filter(module -> source.names().contains(module + ".qzeros"))
                .toList();
    }

    /// `config` with the zeros that the values of `source` prove, where they prove any: a symmetric zero point is
    /// 2^(bits−1), so its stored form tells the two apart. A contradiction to the name is logged once.
    public static GptqConfig resolve(TensorSource source, GptqConfig config) {
        for (String module : modules(source)) {
            Zeros proven = provenZeros(source.tensor(module + ".qzeros"), config.bits(), config);
            if (proven != null) {
                if (proven != config.zeros()) {
                    LOG.log(
                            System.Logger.Level.WARNING,
                            "the checkpoint calls itself {0} but its zero points are stored as {1}; they are read as {1}",
                            config.zeros().formatName(),
                            proven.formatName());
                }
                return config.with(proven);
            }
        }
        return config;
    }

    /// Reads one module. Bits and group size follow from the tensors' shapes where they differ from `config`
    /// (per-module
    /// settings); zeros follow the values where these prove them.
    public static GroupedWeight read(TensorSource source, String module, GptqConfig config) {
        Tensor qweight = require(source, module, "qweight", DType.I32);
        Tensor qzeros = require(source, module, "qzeros", DType.I32);
        Tensor scales = require(source, module, "scales", null);
        Tensor index = source.names().contains(module + ".g_idx") ? require(source, module, "g_idx", DType.I32) : null;
        if (index == null && config.descAct()) {
            throw broken(module, "the tensor " + module + ".g_idx is missing, and desc_act says that inputs need it");
        }
        int rows = intSize(module, qweight.shape(), 1);
        int words = intSize(module, qweight.shape(), 0);
        int groups = intSize(module, scales.shape(), 0);
        int bits = bits(module, words, index, config);
        int cols = Math.toIntExact((long) words * 32 / bits);
        if (rows == 0 || cols == 0 || groups == 0) {
            throw broken(module, "qweight " + qweight.shape() + " and scales " + scales.shape() + " hold no weights");
        }
        int groupSize = groupSize(module, cols, groups, config);
        if (!scales.shape().equals(new Shape(groups, rows)) || !scales.dtype().isFloat()) {
            throw broken(
                    module,
                    "scales are " + scales.dtype() + " " + scales.shape() + ", expected floats "
                            + new Shape(groups, rows));
        }
        Shape zerosShape = new Shape(groups, Math.ceilDiv((long) rows * bits, 32L));
        if (!qzeros.shape().equals(zerosShape) || (long) rows * bits % 32 != 0) {
            throw broken(module, "qzeros are " + qzeros.shape() + ", expected " + zerosShape);
        }
        Zeros proven = provenZeros(qzeros, bits, config);
        Zeros zeros = proven == null ? config.zeros() : proven;
        short[] zeroPoints = GptqZeros.unpack(qzeros.toInts(), groups, rows, bits, zeros);
        GroupedWeight weight = new GroupedWeight(rows, cols, bits, groupSize, qweight, scales, zeroPoints);
        return groupIndex(module, index, weight).map(weight::withGroupIndex).orElse(weight);
    }

    /// The tensors that store `weight` under `module`. Throws where the layout cannot hold it: rows or zero points
    /// that do not fit the packing.
    public static List<TensorPlan> plans(String module, GroupedWeight weight, GptqConfig config) {
        int words = Math.toIntExact((long) weight.rows() * weight.bits() / 32);
        if ((long) weight.rows() * weight.bits() % 32 != 0) {
            throw broken(
                    module,
                    weight.rows() + " outputs of " + weight.bits()
                            + " bits do not fill 32-bit words, as the GPTQ layout wants; exclude this layer");
        }
        GptqZeros.requireStorable(module, weight, config.zeros());
        Shape zeros = new Shape(weight.groups(), words);
        return List.of(
                TensorPlan.of(module + ".qweight", weight.qweight()),
                new TensorPlan(
                        module + ".qzeros",
                        DType.I32,
                        zeros,
                        () -> Tensor.of(GptqZeros.pack(weight, config.zeros()), zeros.sizes())),
                TensorPlan.of(module + ".scales", weight.scales()),
                new TensorPlan(
                        module + ".g_idx",
                        DType.I32,
                        new Shape(weight.cols()),
                        () -> Tensor.of(index(weight), weight.cols())));
    }

    private static int[] index(GroupedWeight weight) {
        int[] index = new int[weight.cols()];
        Arrays.setAll(index, weight::group);
        return index;
    }

    /// V1 or V2 where the checkpoint is symmetric and all its stored zero points are those of that form, else null.
    private static @Nullable Zeros provenZeros(Tensor qzeros, int bits, GptqConfig config) {
        if (!config.symmetric()) {
            return null;
        }
        int[] words = qzeros.toInts();
        int symmetric = 1 << (bits - 1);
        for (Zeros zeros : Zeros.values()) {
            int value = zeros == Zeros.V1 ? symmetric - 1 : symmetric;
            if (words.length > 0 && GptqZeros.isAll(words, value, bits)) {
                return zeros;
            }
        }
        return null;
    }

    private static int bits(String module, int words, @Nullable Tensor index, GptqConfig config) {
        if (index == null || index.shape().rank() != 1 || index.shape().count() == 0) {
            return config.bits();
        }
        long cols = index.shape().count();
        for (int bits : new int[] {config.bits(), 2, 3, 4, 8}) {
            if (cols * bits == words * 32L) {
                return bits;
            }
        }
        throw broken(
                module,
                "qweight has " + words + " words for the " + cols + " inputs of g_idx, which is no number of"
                        + " 2, 3, 4 or 8 bits each");
    }

    private static int groupSize(String module, int cols, int groups, GptqConfig config) {
        int configured = config.groupSize() == 0 ? cols : Math.min(config.groupSize(), cols);
        if (Math.ceilDiv(cols, configured) == groups) {
            return configured;
        }
        if (cols % groups == 0) {
            return cols / groups;
        }
        throw broken(
                module, groups + " groups for " + cols + " inputs do not agree with group_size " + config.groupSize());
    }

    /// Empty where the index says no more than `col / groupSize` does (or nothing, as some writers leave it).
    private static Optional<int[]> groupIndex(String module, @Nullable Tensor tensor, GroupedWeight weight) {
        if (tensor == null || tensor.shape().count() == 0) {
            return Optional.empty();
        }
        int[] index = tensor.toInts();
        boolean trivial = true;
        boolean allZero = true;
        for (int col = 0; col < index.length; col++) {
            if (index[col] < 0 || index[col] >= weight.groups()) {
                throw broken(
                        module, "g_idx puts input " + col + " into group " + index[col] + " of " + weight.groups());
            }
            trivial &= index[col] == weight.group(col);
            allZero &= index[col] == 0;
        }
        return trivial || allZero ? Optional.empty() : Optional.of(index);
    }

    private static Tensor require(TensorSource source, String module, String part, @Nullable DType dtype) {
        String name = module + "." + part;
        if (!source.names().contains(name)) {
            throw broken(module, "the tensor " + name + " is missing");
        }
        Tensor tensor = source.tensor(name);
        int rank = part.equals("g_idx") ? 1 : 2;
        if (tensor.shape().rank() != rank || (dtype != null && tensor.dtype() != dtype)) {
            throw broken(
                    module,
                    part + " is " + tensor.dtype() + " " + tensor.shape() + ", expected "
                            + (dtype == null ? "floats" : dtype) + " in " + rank + " dimensions");
        }
        return tensor;
    }

    private static int intSize(String module, Shape shape, int dim) {
        long size = shape.sizes()[dim];
        if (size > Integer.MAX_VALUE / 32) {
            throw broken(module, "a matrix of shape " + shape + " is too large");
        }
        return (int) size;
    }

    private static QuernException broken(String module, String reason) {
        return new QuernException(module + ": " + reason);
    }
}
