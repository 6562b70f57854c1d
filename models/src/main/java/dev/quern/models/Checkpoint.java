package dev.quern.models;

import com.fasterxml.jackson.databind.JsonNode;
import dev.quern.core.Int8Weight;
import dev.quern.core.OutlierInt8Weight;
import dev.quern.core.PackedWeight;
import dev.quern.core.QuernException;
import dev.quern.core.UnsupportedModelException;
import dev.quern.formats.CheckpointFile;
import dev.quern.formats.Formats;
import dev.quern.formats.GgufFile;
import dev.quern.formats.Json;
import dev.quern.formats.SafetensorsFile;
import dev.quern.formats.StoredTensor;
import dev.quern.formats.WeightLayout;
import dev.quern.formats.WeightLayouts;
import dev.quern.text.ChatTemplate;
import dev.quern.text.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A model as it lies on disk: a Hugging Face style directory or a GGUF file. Opening reads headers only.
///
/// Owns the memory map; weights are views of it and end with `close`. Safe for use by many threads.
public final class Checkpoint implements AutoCloseable {
    private final Path path;
    private final CheckpointFile file;
    private final JsonNode config;
    private final Optional<Architecture> architecture;
    private final Optional<Adapter> adapter;

    private Checkpoint(Path path, CheckpointFile file, JsonNode config, Optional<Architecture> architecture) {
        this(path, file, config, architecture, Optional.empty());
    }

    private Checkpoint(
            Path path,
            CheckpointFile file,
            JsonNode config,
            Optional<Architecture> architecture,
            Optional<Adapter> adapter) {
        this.path = path;
        this.file = file;
        this.config = config;
        this.architecture = architecture;
        this.adapter = adapter;
    }

    /// Opens `path` with the LoRA adapter in the folder `adapter`, which its weights then have as corrections.
    public static Checkpoint open(Path path, Optional<Path> adapter) {
        Checkpoint plain = open(path);
        try {
            return new Checkpoint(
                    plain.path,
                    plain.file,
                    plain.config,
                    plain.architecture,
                    adapter.map(folder -> Adapter.read(folder, plain.network())));
        } catch (RuntimeException e) {
            plain.close();
            throw e;
        }
    }

    /// Opens `path`; throws a `QuernException` of one line where it is no checkpoint. A family that Quern does not know
    /// opens all the same, so that `support` can say so.
    public static Checkpoint open(Path path) {
        CheckpointFile file = Formats.of(path).open(path);
        try {
            return switch (file) {
                case SafetensorsFile safetensors -> ofDirectory(path, safetensors);
                case GgufFile gguf -> ofGguf(path, gguf);
            };
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    private static Checkpoint ofDirectory(Path path, SafetensorsFile file) {
        Path directory = Files.isDirectory(path) ? path : path.resolveSibling("");
        Path config = directory.resolve("config.json");
        if (!Files.isRegularFile(config) && Files.isRegularFile(directory.resolve(LoraAdapter.CONFIG))) {
            throw new QuernException(directory + ": is an adapter, no model; name its base and give it as --adapter");
        }
        if (!Files.isRegularFile(config)) {
            throw new QuernException(directory + ": no config.json beside the safetensors files; a model needs one");
        }
        JsonNode json = Json.read(config);
        return new Checkpoint(directory, file, json, Architectures.ofConfig(json));
    }

    private static Checkpoint ofGguf(Path path, GgufFile file) {
        String name = String.valueOf(file.metadata().get("general.architecture"));
        Optional<Architecture> known = Architectures.ofGguf(name);
        if (known.isEmpty()) {
            return new Checkpoint(path, file, Json.object().put("model_type", name), known);
        }
        JsonNode config = GgufConfig.of(file, known.get());
        return new Checkpoint(path, file, config, Architectures.ofConfig(config));
    }

    /// The directory or file.
    public Path path() {
        return path;
    }

    /// `safetensors` or `gguf`.
    public String format() {
        return switch (file) {
            case SafetensorsFile _ -> "safetensors";
            case GgufFile _ -> "gguf";
        };
    }

    /// The config in Hugging Face's form, also for a GGUF file.
    public JsonNode config() {
        return config;
    }

    /// The model's family; throws `UnsupportedModelException` naming it where Quern has none.
    public Architecture architecture() {
        return architecture.orElseThrow(() -> new UnsupportedModelException(
                path + ": architecture " + architectureName() + " is not known; known are " + Architectures.known()));
    }

    /// The family's name; the file's own word where Quern does not know it.
    public String architectureName() {
        return architecture
                .map(Architecture::name)
                .orElseGet(() -> config.path("architectures")
                        .path(0)
                        .asText(config.path("model_type").asText("unnamed")));
    }

    /// What the model computes.
    public Network network() {
        return architecture().network(config);
    }

    /// Its parameters under Hugging Face names.
    public WeightSource weights() {
        WeightSource stored = switch (file) {
            case SafetensorsFile safetensors -> new SafetensorsWeights(safetensors, layout(), QuernConfig.of(config));
            case GgufFile gguf ->
                new GgufWeights(gguf, architecture(), network().config());
        };
        return adapter.map(corrections -> corrections.on(stored)).orElse(stored);
    }

    /// The files of the adapter that it was opened with.
    Optional<LoraAdapter> adapter() {
        return adapter.map(Adapter::files);
    }

    /// What happens to inputs of Linears, each way once, for instance `a8 dynamic symmetric × int8`; empty where all
    /// stay as they are. One weight of each way is read.
    public List<String> activations() {
        if (!support().supported()) {
            return List.of();
        }
        WeightSource weights = weights();
        Map<String, String> ways = new LinkedHashMap<>();
        for (Linear linear : network().linears()) {
            LinearInput input = weights.input(linear);
            if (!input.isAsIs()) {
                ways.computeIfAbsent(input.describe(false), _ -> input.describe(integers(weights, linear)));
            }
        }
        return List.copyOf(ways.values());
    }

    private static boolean integers(WeightSource weights, Linear linear) {
        PackedWeight weight = weights.weight(linear.weightName());
        return weight instanceof Int8Weight || weight instanceof OutlierInt8Weight;
    }

    /// The object under `quantization_config`.
    public Optional<JsonNode> quantizationConfig() {
        return Optional.of(config.path("quantization_config")).filter(JsonNode::isObject);
    }

    /// How quantized modules are stored, as that object says.
    public Optional<WeightLayout> layout() {
        return quantizationConfig().flatMap(WeightLayouts::find);
    }

    /// A GGUF file's metadata; empty for a directory.
    Map<String, Object> ggufMetadata() {
        return switch (file) {
            case SafetensorsFile _ -> Map.of();
            case GgufFile gguf -> gguf.metadata();
        };
    }

    /// All tensors of the files, as stored.
    public List<StoredTensor> tensors() {
        return file.stored();
    }

    /// What Quern lacks for this model.
    public Support support() {
        if (architecture.isEmpty()) {
            return new Support(List.of("architecture " + architectureName()));
        }
        List<String> missing = architecture.get().missing(config);
        try {
            QuernConfig.of(config);
            if (quantizationConfig().isPresent() && layout().isEmpty()) {
                return new Support(List.of("quantization "
                        + quantizationConfig().get().path("quant_method").asText("unnamed")));
            }
        } catch (UnsupportedModelException e) {
            return new Support(List.of(e.getMessage()));
        }
        return new Support(missing);
    }

    /// Throws `UnsupportedModelException` saying what is missing where Quern cannot run this model.
    public void requireSupported() {
        Support support = support();
        if (!support.supported()) {
            throw new UnsupportedModelException(path + ": Quern lacks " + String.join("; ", support.missing())
                    + "; known architectures are " + Architectures.known());
        }
    }

    /// Parameters of the network, each once; where Quern lacks it, elements of all stored tensors.
    public long parameters() {
        return support().supported()
                ? network().parameters()
                : tensors().stream().mapToLong(tensor -> tensor.shape().count()).sum();
    }

    /// The tokenizer that lies with the model; the caller closes it.
    public Tokenizer tokenizer() {
        return switch (file) {
            case SafetensorsFile _ -> Tokenizer.ofDirectory(path);
            case GgufFile gguf -> Tokenizer.ofGguf(gguf.metadata());
        };
    }

    /// The chat template that lies with the model, if one does.
    public Optional<ChatTemplate> chatTemplate() {
        return switch (file) {
            case SafetensorsFile _ -> ChatTemplate.ofDirectory(path);
            case GgufFile gguf -> ChatTemplate.ofGguf(gguf.metadata());
        };
    }

    @Override
    public void close() {
        file.close();
    }
}
