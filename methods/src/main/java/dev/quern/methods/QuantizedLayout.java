package dev.quern.methods;

import dev.quern.core.BlockWeight;
import dev.quern.core.DenseWeight;
import dev.quern.core.GroupedWeight;
import dev.quern.core.Int8Weight;
import dev.quern.core.OutlierInt8Weight;
import dev.quern.core.PackedWeight;
import dev.quern.core.QuantScheme;
import dev.quern.formats.GptqConfig;
import dev.quern.formats.GptqLayout;
import dev.quern.formats.Safetensors;
import dev.quern.formats.SafetensorsFile;
import dev.quern.formats.TensorPlan;
import dev.quern.models.Linear;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The stored form of chosen weights in safetensors: the ecosystem's GPTQ layout. An open one reads them back.
final class QuantizedLayout implements AutoCloseable {
    private final SafetensorsFile file;
    private final GptqConfig config;

    private QuantizedLayout(SafetensorsFile file, GptqConfig config) {
        this.file = file;
        this.config = config;
    }

    /// What `quantization_config` says. Zero points are stored as z − 1, which every reader of the layout knows; the
    /// grids keep z at 1 or more for that.
    static <C extends Record> GptqConfig config(Step<C> step) {
        WeightFormat format = step.weightMethod().format(step.config());
        return switch (format) {
            case WeightFormat.Grouped(QuantScheme s) ->
                new GptqConfig(s.bits(), s.groupSize(), s.symmetric(), false, GptqConfig.Zeros.V1);
        };
    }

    static List<TensorPlan> plans(Map<Linear, QuantizedLinear> results, Step<?> step) {
        List<TensorPlan> plans = new ArrayList<>();
        results.forEach((linear, result) -> plans.addAll(
                switch (result.weight()) {
                    case GroupedWeight grouped -> GptqLayout.plans(linear.name(), grouped, config(step));
                    case DenseWeight _, BlockWeight _, Int8Weight _, OutlierInt8Weight _ ->
                        throw new IllegalStateException(
                                linear.name() + ": " + result.weight().encoding() + " has no place in the GPTQ layout");
                }));
        return plans;
    }

    /// A file or directory that holds modules in this layout.
    static QuantizedLayout open(Path fileOrDirectory, Step<?> step) {
        return new QuantizedLayout(Safetensors.open(fileOrDirectory), config(step));
    }

    /// Those of `linears` that lie here.
    Map<Linear, PackedWeight> weights(List<Linear> linears) {
        Map<Linear, PackedWeight> weights = new LinkedHashMap<>();
        for (Linear linear : linears) {
            if (file.has(linear.name() + ".qweight")) {
                weights.put(linear, read(linear));
            }
        }
        return weights;
    }

    GroupedWeight read(Linear linear) {
        return GptqLayout.read(file, linear.name(), config);
    }

    @Override
    public void close() {
        file.close();
    }
}
