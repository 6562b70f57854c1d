package dev.quern.methods;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.ActivationScheme;
import dev.quern.core.GroupedWeight;
import dev.quern.core.Int8Weight;
import dev.quern.core.KvScheme;
import dev.quern.core.PackedWeight;
import dev.quern.core.QuantScheme;
import dev.quern.formats.AwqLayout;
import dev.quern.formats.GptqConfig;
import dev.quern.formats.Int8Layout;
import dev.quern.formats.OutlierLayout;
import dev.quern.formats.PackedLayout;
import dev.quern.formats.StoredInput;
import dev.quern.formats.TableLayout;
import dev.quern.formats.TensorPlan;
import dev.quern.formats.VptqConfig;
import dev.quern.formats.WeightLayout;
import dev.quern.models.Linear;
import dev.quern.models.LinearInput;
import dev.quern.models.QuernConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The stored form of a recipe's results in safetensors: the layout of the ecosystem that holds them, and Quern's own
/// object for what it cannot say of inputs.
///
/// A block's own part of that object travels in the metadata of its journal file.
final class QuantizedLayout {
    /// Key of a part's metadata: the entries of `quern.inputs`.
    private static final String INPUTS = "quern.inputs";

    private static final int AWQ_BITS = 4;

    private final WeightLayout layout;
    private final ActivationPlan activations;

    QuantizedLayout(Recipe recipe, Selection selection) {
        this.activations = recipe.activations();
        this.layout = layout(recipe, recipe.last(), selection);
    }

    /// 8-bit symmetric rows whose inputs are quantized become int8 rows, which multiply by codes as integers.
    ///
    /// Symmetric zero points are stored as z − 1, which every reader of the layout knows; asymmetric ones as
    /// they are, since GPTQModel reads the older form of others only where it is symmetric. The grids keep z at
    /// 1 or more, so that `convert` can make the older form of any. What `awq` scaled is stored as its readers
    /// expect it, where the codes fit. Widths that GPTQ has not are packed as compressed-tensors does.
    private static <C extends Record> WeightLayout layout(Recipe recipe, Step<C> last, Selection selection) {
        List<String> kept = selection.excluded().stream().map(Linear::name).toList();
        return switch (last.weightMethod().format(last.config())) {
            case WeightFormat.Grouped(QuantScheme s) -> {
                if (s.bits() == 8
                        && s.groupSize() == 0
                        && s.symmetric()
                        && recipe.activations().quantizes()) {
                    yield rows(recipe, kept);
                }
                boolean awq = recipe.steps().stream()
                        .anyMatch(step -> step.method().name().equals("awq"));
                if (!GptqConfig.WIDTHS.contains(s.bits())) {
                    yield PackedLayout.of(s.bits(), s.groupSize(), s.symmetric(), false, ignored(kept));
                }
                yield awq && s.bits() == AWQ_BITS
                        ? new AwqLayout(s.groupSize(), kept)
                        : new GptqConfig(s.bits(), s.groupSize(), s.symmetric(), false, zeros(s)).skipping(kept);
            }
            case Int8Format int8 -> new OutlierLayout(int8.threshold(), kept);
            case TableFormat table -> new TableLayout(table.kind().toString(), table.nested(), kept);
            case WeightFormat.Vectored(Vptq.Config config) -> vectors(config, selection.chosen());
        };
    }

    private static GptqConfig.Zeros zeros(QuantScheme scheme) {
        return scheme.symmetric() ? GptqConfig.Zeros.V1 : GptqConfig.Zeros.V2;
    }

    private static WeightLayout vectors(Vptq.Config config, List<Linear> linears) {
        Map<String, VptqConfig.Module> modules = new LinkedHashMap<>();
        for (Linear linear : linears) {
            VectorShape shape = config.shape(linear.name(), linear.inFeatures());
            modules.put(linear.name(), shape.module(linear.outFeatures(), linear.inFeatures(), linear.bias()));
        }
        return new VptqConfig(modules, Map.of());
    }

    private static WeightLayout rows(Recipe recipe, List<String> kept) {
        ActivationScheme inputs = recipe.activations().scheme();
        return Int8Layout.of(inputs.bits() == 8 ? inputs : ActivationScheme.FLOAT, ignored(kept));
    }

    private static List<String> ignored(List<String> kept) {
        List<String> ignore = new ArrayList<>(List.of("lm_head"));
        ignore.addAll(kept);
        return ignore;
    }

    /// What `quantization_config` says of a model. Where it says that ranges are static and they are mixed, it also
    /// says which modules have a range for each token; that is taken out of `inputs`, the entries of all blocks.
    ObjectNode config(ArrayNode inputs) {
        if (!(layout instanceof Int8Layout rows)
                || !activations.mixed()
                || !rows.config().activations().equals(activations.scheme())) {
            return layout.toJson();
        }
        Map<String, ActivationScheme> perToken = new LinkedHashMap<>();
        for (Iterator<JsonNode> all = inputs.iterator(); all.hasNext(); ) {
            JsonNode entry = all.next();
            if (QuernConfig.schemeAlone(entry)
                    .filter(activations.perToken()::equals)
                    .isPresent()) {
                entry.path("modules").forEach(module -> perToken.put(module.asText(), activations.perToken()));
                all.remove();
            }
        }
        return rows.except(perToken).toJson();
    }

    /// The object `quern` of config.json; `inputs` are the entries of all blocks. Empty where there is nothing to say.
    static Optional<ObjectNode> quern(ArrayNode inputs, Set<Linear> biases, KvScheme kv) {
        ObjectNode json = QuernConfig.write(Map.of(), biases, kv);
        if (!inputs.isEmpty()) {
            json.set("inputs", inputs);
        }
        return json.size() > 1 ? Optional.of(json) : Optional.empty();
    }

    /// The tensors that hold `results` and what happens to the Linears' `inputs`.
    List<TensorPlan> plans(Map<Linear, QuantizedLinear> results, Map<Linear, LinearInput> inputs) {
        List<TensorPlan> plans = new ArrayList<>();
        results.forEach((linear, result) -> plans.addAll(layout.plans(linear.name(), stored(result.weight()))));
        Map<Linear, LinearInput> own = unstated(inputs);
        inputs.forEach((linear, input) -> {
            if (!own.containsKey(linear)) {
                plans.addAll(stated(linear, input).orElseThrow());
            }
        });
        plans.addAll(QuernConfig.plans(own));
        return plans;
    }

    private PackedWeight stored(PackedWeight weight) {
        return layout instanceof Int8Layout && weight instanceof GroupedWeight rows ? Int8Weight.of(rows) : weight;
    }

    /// What goes into the metadata of the file with these `inputs`.
    Map<String, String> metadata(Map<Linear, LinearInput> inputs) {
        JsonNode entries =
                QuernConfig.write(unstated(inputs), Set.of(), KvScheme.FLOAT).path("inputs");
        return entries.isEmpty() ? Map.of() : Map.of(INPUTS, entries.toString());
    }

    /// The inputs that the layout itself cannot describe.
    private Map<Linear, LinearInput> unstated(Map<Linear, LinearInput> inputs) {
        Map<Linear, LinearInput> own = new LinkedHashMap<>();
        inputs.forEach((linear, input) -> {
            if (stated(linear, input).isEmpty()) {
                own.put(linear, input);
            }
        });
        return own;
    }

    private Optional<List<TensorPlan>> stated(Linear linear, LinearInput input) {
        return input.transforms().isEmpty()
                ? layout.inputPlans(linear.name(), new StoredInput(input.scheme(), input.range(), input.exact()))
                : Optional.empty();
    }

    /// A file or directory that holds modules in this layout.
    StoredBlocks open(Path fileOrDirectory) {
        return new StoredBlocks(fileOrDirectory, layout, INPUTS);
    }
}
