package dev.quern.methods;

import dev.quern.core.DType;
import dev.quern.core.DenseWeight;
import dev.quern.core.PackedWeight;
import dev.quern.core.Tensor;
import dev.quern.formats.SafetensorsFile;
import dev.quern.formats.TensorPlan;
import dev.quern.models.Linear;
import dev.quern.models.Norm;
import dev.quern.models.WeightSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// The float parameters of a block that methods changed: norms, biases (new ones too), and weights that are not
/// quantized. They are stored under their own names in float32, since the scales that they carry need it.
final class EditedTensors {
    private EditedTensors() {}

    /// Those of `parameters` that differ from `source`.
    static List<TensorPlan> plans(BlockParameters parameters, WeightSource source, Selection selection) {
        List<TensorPlan> plans = new ArrayList<>();
        for (Norm norm : BlockParameters.norms(parameters.block())) {
            float[] values = parameters.norm(norm);
            if (!Arrays.equals(values, source.vector(norm.name()))) {
                plans.add(plan(norm.name(), values, values.length));
            }
        }
        for (Linear linear : parameters.block().linears()) {
            float[] bias = parameters.bias(linear);
            if (bias != null && !(linear.bias() && Arrays.equals(bias, source.vector(linear.biasName())))) {
                plans.add(plan(linear.biasName(), bias, bias.length));
            }
            if (!selection.contains(linear)) {
                float[] weight = parameters.weight(linear);
                PackedWeight stored = source.weight(linear.weightName());
                boolean same = Arrays.equals(weight, stored.unpack());
                Mapped.release(stored);
                if (!same) {
                    plans.add(plan(linear.weightName(), weight, linear.outFeatures(), linear.inFeatures()));
                }
            }
        }
        return plans;
    }

    private static TensorPlan plan(String name, float[] values, long... shape) {
        return TensorPlan.of(name, Tensor.of(values, shape));
    }

    /// Puts those of `block` that lie in `file` into `weights`.
    static void restore(List<Linear> linears, List<Norm> norms, SafetensorsFile file, BlockWeights weights) {
        for (Norm norm : norms) {
            if (file.has(norm.name())) {
                weights.setNorm(norm, file.tensor(norm.name()).toFloats());
            }
        }
        for (Linear linear : linears) {
            if (file.has(linear.biasName())) {
                weights.setBias(linear, file.tensor(linear.biasName()).toFloats());
            }
            if (file.has(linear.weightName())
                    && file.tensor(linear.weightName()).dtype() == DType.F32) {
                weights.replace(linear, new DenseWeight(file.tensor(linear.weightName())));
            }
        }
    }
}
