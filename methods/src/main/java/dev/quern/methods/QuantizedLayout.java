package dev.quern.methods;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.QuantScheme;
import dev.quern.formats.GptqConfig;
import dev.quern.formats.TensorPlan;
import dev.quern.formats.VptqConfig;
import dev.quern.formats.WeightLayout;
import dev.quern.models.Linear;
import dev.quern.models.LinearInput;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The stored form of a recipe's results in safetensors: the layout of the ecosystem that holds them.
final class QuantizedLayout {
    private final WeightLayout layout;

    /// `linears` are those that the recipe quantizes.
    QuantizedLayout(Recipe recipe, List<Linear> linears) {
        this.layout = layout(recipe.last(), linears);
    }

    /// Zero points of groups are stored as z − 1, which every reader of the layout knows; the grids keep z at 1 or more
    /// for that.
    private static <C extends Record> WeightLayout layout(Step<C> step, List<Linear> linears) {
        return switch (step.weightMethod().format(step.config())) {
            case WeightFormat.Grouped(QuantScheme s) ->
                new GptqConfig(s.bits(), s.groupSize(), s.symmetric(), false, GptqConfig.Zeros.V1);
            case WeightFormat.Vectored(Vptq.Config config) -> {
                Map<String, VptqConfig.Module> modules = new LinkedHashMap<>();
                for (Linear linear : linears) {
                    VectorShape shape = config.shape(linear.name(), linear.inFeatures());
                    modules.put(linear.name(), shape.module(linear.outFeatures(), linear.inFeatures(), linear.bias()));
                }
                yield new VptqConfig(modules, Map.of());
            }
        };
    }

    /// What `quantization_config` says.
    ObjectNode config() {
        return layout.toJson();
    }

    /// The tensors that hold `results` and what happens to the Linears' `inputs`.
    List<TensorPlan> plans(Map<Linear, QuantizedLinear> results, Map<Linear, LinearInput> inputs) {
        if (!inputs.isEmpty()) {
            throw new IllegalStateException("no layout of this version says what happens to inputs");
        }
        List<TensorPlan> plans = new ArrayList<>();
        results.forEach((linear, result) -> plans.addAll(layout.plans(linear.name(), result.weight())));
        return plans;
    }

    /// A file or directory that holds modules in this layout.
    StoredBlocks open(Path fileOrDirectory) {
        return new StoredBlocks(fileOrDirectory, layout);
    }
}
