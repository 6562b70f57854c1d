package dev.quern.methods;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.formats.Json;
import dev.quern.formats.OutputDirectory;
import dev.quern.formats.Safetensors;
import dev.quern.formats.SafetensorsFile;
import dev.quern.formats.StoredTensor;
import dev.quern.formats.TensorPlan;
import dev.quern.formats.Written;
import dev.quern.models.Checkpoint;
import dev.quern.models.Linear;
import dev.quern.models.Network;
import dev.quern.models.QuernConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Writes the finished model as a directory that other tools read, and reads it back.
final class QuantizedOutput {
    /// Written last: a directory that has it is complete.
    static final String MANIFEST = "quern.json";

    private static final long SHARD_BYTES = 4L << 30;

    private final Checkpoint checkpoint;
    private final Network network;
    private final Path output;
    private final Recipe recipe;
    private final QuantizedLayout layout;
    private final Selection selection;

    QuantizedOutput(Checkpoint checkpoint, Path output, Recipe recipe, QuantizedLayout layout, Selection selection) {
        this.checkpoint = checkpoint;
        this.network = checkpoint.network();
        this.output = output;
        this.recipe = recipe;
        this.layout = layout;
        this.selection = selection;
    }

    /// All files, the manifest last; nothing is visible before all are complete.
    List<Written> write(Journal journal, ObjectNode fingerprint) {
        List<LayerReport> layers = layers(journal);
        try (OutputDirectory out = OutputDirectory.open(output);
                Parts parts = new Parts()) {
            List<TensorPlan> chosen = new ArrayList<>();
            journal.entries().forEach(entry -> chosen.addAll(parts.plans(entry.part())));
            Set<String> edited = chosen.stream().map(TensorPlan::name).collect(Collectors.toSet());
            List<TensorPlan> plans =
                    new ArrayList<>(new KeptTensors(network, checkpoint.weights()).plans(selection.excluded()));
            plans.removeIf(kept -> edited.contains(kept.name()));
            plans.addAll(chosen);
            Safetensors.addTo(out, plans, SHARD_BYTES, Map.of("format", "pt"));
            out.add("config.json", Json.pretty(config(journal, edited)));
            TokenizerFiles.copy(checkpoint, out);
            out.add(
                    "README.md",
                    ModelCard.text(modelName(), recipe, layers, blocks(journal), bitsPerWeight(layers), fingerprint));
            out.add(MANIFEST, Json.pretty(manifest(journal, fingerprint, out.staged())));
            return out.commit();
        }
    }

    private ObjectNode config(Journal journal, Set<String> edited) {
        ObjectNode config = checkpoint.config().deepCopy();
        ArrayNode inputs = Json.mapper().createArrayNode();
        for (Journal.Entry entry : journal.entries()) {
            try (StoredBlocks part = layout.open(entry.part())) {
                inputs.addAll(part.inputs());
            }
        }
        config.set("quantization_config", layout.config(inputs));
        Set<Linear> biases = new LinkedHashSet<>(QuernConfig.addedBiases(network, checkpoint.config()));
        network.linears().stream()
                .filter(linear -> !linear.bias() && edited.contains(linear.biasName()))
                .forEach(biases::add);
        config.remove("quern");
        QuantizedLayout.quern(inputs, biases, recipe.kv()).ifPresent(quern -> config.set("quern", quern));
        return config;
    }

    private String modelName() {
        String name =
                String.valueOf(checkpoint.path().toAbsolutePath().normalize().getFileName());
        return name.endsWith(".gguf") ? name.substring(0, name.length() - 5) : name;
    }

    private static List<LayerReport> layers(Journal journal) {
        return journal.entries().stream()
                .flatMap(entry -> entry.layers().stream())
                .toList();
    }

    private static List<BlockReport> blocks(Journal journal) {
        return journal.entries().stream()
                .flatMap(entry -> entry.blocks().stream())
                .toList();
    }

    private ObjectNode manifest(Journal journal, ObjectNode fingerprint, List<Written> files) {
        List<LayerReport> layers = layers(journal);
        ObjectNode json = fingerprint.deepCopy();
        json.put("method", recipe.name()).put("bits_per_weight", bitsPerWeight(layers));
        ArrayNode array = json.putArray("layers");
        layers.forEach(layer -> array.add(layer.toJson()));
        List<BlockReport> blocks = blocks(journal);
        if (!blocks.isEmpty()) {
            ArrayNode done = json.putArray("blocks");
            blocks.forEach(block -> done.add(block.toJson()));
        }
        ObjectNode sums = json.putObject("files");
        files.forEach(f -> sums.putObject(String.valueOf(f.path().getFileName()))
                .put("bytes", f.bytes())
                .put("sha256", f.sha256()));
        return json;
    }

    private double bitsPerWeight(List<LayerReport> layers) {
        double bits = 0;
        double weights = 0;
        for (int i = 0; i < layers.size(); i++) {
            Linear linear = selection.chosen().get(i);
            double count = (double) linear.inFeatures() * linear.outFeatures();
            bits += layers.get(i).bitsPerWeight() * count;
            weights += count;
        }
        return bits / weights;
    }

    /// True where every code, scale, transform and edited parameter in the written files equals the chosen one, bit for
    /// bit.
    boolean verify(Journal journal) {
        int layers = 0;
        try (StoredBlocks written = layout.open(output)) {
            for (Journal.Entry entry : journal.entries()) {
                try (StoredBlocks chosen = layout.open(entry.part())) {
                    if (!chosen.isPartOf(written)) {
                        return false;
                    }
                }
                layers += entry.layers().size();
            }
        }
        return layers == selection.chosen().size();
    }

    /// Bytes of those of `files` that hold tensors.
    static long weightBytes(List<Written> files) {
        return files.stream()
                .filter(f -> f.path().toString().endsWith(".safetensors"))
                .mapToLong(Written::bytes)
                .sum();
    }

    QuantizeReport report(
            Path place,
            Journal journal,
            long bytes,
            long weightBytes,
            List<Phases.Phase> phases,
            long peak,
            ShortDivergence divergence) {
        List<LayerReport> layers = layers(journal);
        double parameters = network.linears().stream()
                        .mapToDouble(l -> (double) l.inFeatures() * l.outFeatures())
                        .sum()
                + (network.tied() ? 1 : 2)
                        * (double) network.embedding().vocabSize()
                        * network.embedding().hiddenSize();
        return new QuantizeReport(
                place,
                recipe,
                bitsPerWeight(layers),
                8.0 * weightBytes / parameters,
                bytes,
                phases,
                peak,
                layers,
                blocks(journal),
                divergence);
    }

    /// Reads finished blocks one file at a time, when the writer asks for their tensors.
    private static final class Parts implements AutoCloseable {
        private @Nullable Path openPath;
        private @Nullable SafetensorsFile open;

        List<TensorPlan> plans(Path part) {
            List<TensorPlan> plans = new ArrayList<>();
            for (StoredTensor tensor : file(part).stored()) {
                var view = file(part).tensor(tensor.name());
                plans.add(new TensorPlan(
                        tensor.name(),
                        view.dtype(),
                        view.shape(),
                        () -> file(part).tensor(tensor.name())));
            }
            return plans;
        }

        private SafetensorsFile file(Path part) {
            SafetensorsFile current = open;
            if (current == null || !part.equals(openPath)) {
                close();
                current = Safetensors.open(part);
                open = current;
                openPath = part;
            }
            return current;
        }

        @Override
        public void close() {
            if (open != null) {
                open.close();
                open = null;
            }
        }
    }
}
