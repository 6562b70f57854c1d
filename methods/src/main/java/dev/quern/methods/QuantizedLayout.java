package dev.quern.methods;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.BlockWeight;
import dev.quern.core.DenseWeight;
import dev.quern.core.GroupedWeight;
import dev.quern.core.Int8Weight;
import dev.quern.core.OutlierInt8Weight;
import dev.quern.core.PackedWeight;
import dev.quern.core.QuantScheme;
import dev.quern.formats.GptqConfig;
import dev.quern.formats.GptqLayout;
import dev.quern.formats.TensorPlan;
import dev.quern.models.Linear;
import dev.quern.models.LinearInput;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// The stored form of a recipe's results in safetensors: the layout of the ecosystem that holds them.
final class QuantizedLayout {
    private final Recipe recipe;
    private final GptqConfig gptq;

    QuantizedLayout(Recipe recipe) {
        this.recipe = recipe;
        this.gptq = gptq(recipe.last());
    }

    /// Zero points are stored as z − 1, which every reader of the layout knows; the grids keep z at 1 or more for
    /// that.
    private static <C extends Record> GptqConfig gptq(Step<C> step) {
        WeightFormat format = step.weightMethod().format(step.config());
        return switch (format) {
            case WeightFormat.Grouped(QuantScheme s) ->
                new GptqConfig(s.bits(), s.groupSize(), s.symmetric(), false, GptqConfig.Zeros.V1);
        };
    }

    /// What `quantization_config` says.
    ObjectNode config() {
        return gptq.toJson();
    }

    /// The tensors that hold `results` and what happens to the Linears' `inputs`.
    List<TensorPlan> plans(Map<Linear, QuantizedLinear> results, Map<Linear, LinearInput> inputs) {
        if (!inputs.isEmpty()) {
            throw new IllegalStateException("no layout of this version says what happens to inputs");
        }
        List<TensorPlan> plans = new ArrayList<>();
        results.forEach((linear, result) -> plans.addAll(plans(linear, result.weight())));
        return plans;
    }

    private List<TensorPlan> plans(Linear linear, PackedWeight weight) {
        return switch (weight) {
            case GroupedWeight grouped -> GptqLayout.plans(linear.name(), grouped, gptq);
            case DenseWeight _, BlockWeight _, Int8Weight _, OutlierInt8Weight _ ->
                throw new IllegalStateException(
                        linear.name() + ": " + weight.encoding() + " has no place in the GPTQ layout");
        };
    }

    /// A file or directory that holds modules in this layout.
    StoredBlocks open(Path fileOrDirectory) {
        return new StoredBlocks(fileOrDirectory, gptq);
    }
}
