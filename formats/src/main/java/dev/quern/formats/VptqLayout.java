package dev.quern.formats;

import dev.quern.core.Codebook;
import dev.quern.core.DType;
import dev.quern.core.PackedBits;
import dev.quern.core.QuernException;
import dev.quern.core.Shape;
import dev.quern.core.Tensor;
import dev.quern.core.TensorSource;
import dev.quern.core.VectorWeight;
import dev.quern.formats.VptqConfig.Module;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The layout of the vptq package and of Transformers' reader: codebooks, packed indices and a column norm under the
/// module's name. The bytes are described in docs/formats/vptq.md.
public final class VptqLayout {
    private static final String CENTROIDS = "centroids.weight";
    private static final String RESIDUAL = "res_centroids.weight";
    private static final String OUTLIER = "outlier_centroids.weight";

    private VptqLayout() {}

    /// True where `source` holds `module` in this layout.
    public static boolean has(TensorSource source, String module) {
        return source.names().contains(module + "." + CENTROIDS);
    }

    /// The tensors that store `weight` under `module`.
    public static List<TensorPlan> plans(String module, VectorWeight weight) {
        List<TensorPlan> plans = new ArrayList<>();
        add(plans, module, CENTROIDS, weight.main().centroids());
        Codebook residual = weight.residual();
        add(plans, module, RESIDUAL, residual == null ? null : residual.centroids());
        Codebook outlier = weight.outlier();
        add(plans, module, OUTLIER, outlier == null ? null : outlier.centroids());
        add(plans, module, "indices", weight.indices());
        add(plans, module, "outlier_indices", weight.outlierIndices());
        add(plans, module, "perm", weight.permutation());
        add(plans, module, "weight_scale", weight.scale());
        add(plans, module, "weight_bias", weight.shift());
        return plans;
    }

    private static void add(List<TensorPlan> plans, String module, String part, @Nullable Tensor tensor) {
        if (tensor != null) {
            plans.add(TensorPlan.of(module + "." + part, tensor));
        }
    }

    /// Reads one module that `config` describes; unpacked indices are packed on the way.
    public static VectorWeight read(TensorSource source, String module, VptqConfig config) {
        Module stored = config.module(module)
                .orElseThrow(() -> broken(module, "neither config_for_layers nor shared_layer_config describes it"));
        return read(source, module, stored);
    }

    /// Reads one module that is stored as `stored` says.
    public static VectorWeight read(TensorSource source, String module, Module stored) {
        int rows = stored.outFeatures();
        int cols = stored.inFeatures();
        int groups = stored.groups();
        if (stored.outliers() > cols || (cols - stored.outliers()) % groups != 0) {
            throw broken(
                    module,
                    cols + " columns less " + stored.outliers() + " outliers do not divide into " + groups + " groups");
        }
        int groupSize = (cols - stored.outliers()) / groups;
        if (stored.groupSize() >= 0 && stored.groupSize() != groupSize) {
            throw broken(module, "group_size is " + stored.groupSize() + ", but its columns give " + groupSize);
        }
        if (!stored.norm() && source.names().contains(module + ".weight_scale")) {
            throw broken(module, "has weight_scale, but its config does not say enable_norm");
        }
        try {
            Codebook main = book(source, module, CENTROIDS, groups, stored.size(), stored.length());
            Codebook residual = stored.residual() == 0
                    ? null
                    : book(source, module, RESIDUAL, groups, stored.residual(), stored.length());
            boolean outliers = stored.outliers() > 0;
            Codebook outlier =
                    outliers ? book(source, module, OUTLIER, 1, stored.outlierSize(), stored.outlierLength()) : null;
            VectorWeight weight = new VectorWeight(
                    rows,
                    cols,
                    main,
                    residual,
                    outlier,
                    stored.outliers(),
                    stored.packed() ? require(source, module, "indices") : packed(source, module, stored, groupSize),
                    outliers ? require(source, module, "outlier_indices") : null,
                    permutation(source, module),
                    stored.norm() ? require(source, module, "weight_scale") : null,
                    stored.norm() ? require(source, module, "weight_bias") : null);
            requireInRange(module, weight);
            return weight;
        } catch (IllegalArgumentException | ArithmeticException e) {
            throw broken(module, String.valueOf(e.getMessage()));
        }
    }

    private static Codebook book(TensorSource source, String module, String part, int groups, int size, int length) {
        Tensor tensor = require(source, module, part);
        Shape wanted = new Shape(groups, Math.multiplyExact(size, length));
        if (tensor.shape().count() != wanted.count()) {
            throw broken(module, part + " is " + tensor.shape() + ", expected " + wanted);
        }
        return new Codebook(groups, size, length, new Tensor(tensor.dtype(), wanted, tensor.data()));
    }

    /// Main and residual indices of 16 bits each as words of the packed form.
    private static Tensor packed(TensorSource source, String module, Module stored, int groupSize) {
        int n = Math.ceilDiv(stored.outFeatures(), stored.length());
        Shape shape = new Shape(stored.groups(), n, groupSize);
        Tensor main = unpacked(source, module, "indices", shape);
        Tensor residual = stored.residual() == 0 ? null : unpacked(source, module, "res_indices", shape);
        int low = Integer.numberOfTrailingZeros(stored.size());
        int bits = low + (residual == null ? 0 : Integer.numberOfTrailingZeros(stored.residual()));
        int[] words = new int[Math.toIntExact(shape.count())];
        for (int i = 0; i < words.length; i++) {
            words[i] = below(module, main, i, stored.size());
            if (residual != null) {
                words[i] |= below(module, residual, i, stored.residual()) << low;
            }
        }
        int rows = Math.multiplyExact(stored.groups(), n);
        return Tensor.of(
                PackedBits.pack(words, rows, groupSize, bits), stored.groups(), n, PackedBits.words(groupSize, bits));
    }

    private static int below(String module, Tensor indices, int at, int size) {
        int index = Short.toUnsignedInt(indices.data().get(Tensor.SHORT, 2L * at));
        if (index >= size) {
            throw broken(module, "an index is " + index + " of " + size + " centroids");
        }
        return index;
    }

    private static Tensor unpacked(TensorSource source, String module, String part, Shape shape) {
        Tensor tensor = require(source, module, part);
        if (tensor.dtype() != DType.I16 || tensor.shape().count() != shape.count()) {
            throw broken(module, part + " is " + tensor.dtype() + " " + tensor.shape() + ", expected I16 " + shape);
        }
        return tensor;
    }

    /// Absent = the columns in order, even where the config says that they are permuted.
    private static @Nullable Tensor permutation(TensorSource source, String module) {
        if (!source.names().contains(module + ".perm")) {
            return null;
        }
        Tensor tensor = require(source, module, "perm");
        if (tensor.dtype() == DType.I16) {
            return tensor;
        }
        if (tensor.dtype() != DType.I64 && tensor.dtype() != DType.I32) {
            throw broken(module, "perm is " + tensor.dtype() + ", expected I16, I32 or I64");
        }
        int[] order = new int[Math.toIntExact(tensor.shape().count())];
        for (int i = 0; i < order.length; i++) {
            long value = tensor.dtype() == DType.I64
                    ? tensor.data().get(Tensor.LONG, 8L * i)
                    : tensor.data().get(Tensor.INT, 4L * i);
            if (value < 0 || value > 0xFFFF) {
                throw broken(module, "perm holds " + value + ", which is no column");
            }
            order[i] = (int) value;
        }
        return VectorWeight.unsigned(order, order.length);
    }

    private static void requireInRange(String module, VectorWeight weight) {
        Codebook outlier = weight.outlier();
        if (outlier == null || outlier.size() == Codebook.MOST) {
            return;
        }
        for (int n = 0; n < Math.ceilDiv(weight.rows(), outlier.length()); n++) {
            for (int place = 0; place < weight.outliers(); place++) {
                int index = weight.outlierIndex(n, place);
                if (index >= outlier.size()) {
                    throw broken(module, "an outlier index is " + index + " of " + outlier.size() + " centroids");
                }
            }
        }
    }

    private static Tensor require(TensorSource source, String module, String part) {
        String name = module + "." + part;
        if (!source.names().contains(name)) {
            throw broken(module, "the tensor " + name + " is missing");
        }
        return source.tensor(name);
    }

    private static QuernException broken(String module, String reason) {
        return new QuernException(module + ": " + reason);
    }
}
