package dev.quern.methods;

import dev.quern.core.DType;
import dev.quern.core.DenseWeight;
import dev.quern.core.Floats;
import dev.quern.core.PackedWeight;
import dev.quern.core.Shape;
import dev.quern.core.Tensor;
import dev.quern.formats.TensorPlan;
import dev.quern.models.Linear;
import dev.quern.models.Network;
import dev.quern.models.Norm;
import dev.quern.models.WeightSource;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// The parameters that stay as they are: table, norms, biases, head, excluded Linears.
///
/// Dense ones keep their type and bytes; those that lie in a block type become F16. Vectors take the table's type
/// where
/// it holds them exactly, else F32.
final class KeptTensors {
    private final Network network;
    private final WeightSource source;
    private final DType vectorType;

    KeptTensors(Network network, WeightSource source) {
        this.network = network;
        this.source = source;
        this.vectorType = type(source.weight(network.embedding().name()));
    }

    /// In the order of the network; `excluded` Linears stay too.
    List<TensorPlan> plans(List<Linear> excluded) {
        List<TensorPlan> plans = new ArrayList<>();
        plans.add(matrix(network.embedding().name()));
        for (Linear linear : network.linears()) {
            if (excluded.contains(linear)) {
                plans.add(matrix(linear.weightName()));
            }
            if (linear.bias()) {
                plans.add(vector(linear.biasName()));
            }
        }
        for (Norm norm : network.norms()) {
            plans.add(vector(norm.name()));
        }
        if (!network.tied()) {
            plans.add(matrix(network.head().weightName()));
        }
        return plans;
    }

    private static DType type(PackedWeight weight) {
        return weight instanceof DenseWeight(Tensor tensor) ? tensor.dtype() : DType.F16;
    }

    private TensorPlan matrix(String name) {
        PackedWeight weight = source.weight(name);
        Shape shape = new Shape(weight.rows(), weight.cols());
        return new TensorPlan(name, type(weight), shape, () -> dense(source.weight(name)));
    }

    private static Tensor dense(PackedWeight weight) {
        if (weight instanceof DenseWeight(Tensor tensor)) {
            return tensor;
        }
        byte[] bytes = new byte[Math.multiplyExact(Math.multiplyExact(weight.rows(), weight.cols()), 2)];
        MemorySegment data = MemorySegment.ofArray(bytes);
        float[] row = new float[weight.cols()];
        for (int i = 0; i < weight.rows(); i++) {
            weight.unpackRow(i, row, 0);
            for (int j = 0; j < row.length; j++) {
                Floats.set(DType.F16, data, (long) i * row.length + j, row[j]);
            }
        }
        return new Tensor(DType.F16, new Shape(weight.rows(), weight.cols()), data);
    }

    private TensorPlan vector(String name) {
        float[] values = source.vector(name);
        DType type = vectorType;
        for (float value : values) {
            if (Floats.round(vectorType, value) != value) {
                type = DType.F32;
            }
        }
        return TensorPlan.of(name, Tensor.of(type, values, values.length));
    }
}
