package dev.quern.testkit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.Tensor;
import dev.quern.formats.Json;
import dev.quern.formats.Safetensors;
import dev.quern.formats.TensorPlan;
import dev.quern.models.Architecture;
import dev.quern.models.Architectures;
import dev.quern.models.Linear;
import dev.quern.models.Network;
import dev.quern.models.Norm;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// Complete model directories of every architecture with seeded weights: what tests run instead of downloads.
///
/// The weights are such that every part of the computation shows in the logits: biases and norms are far from neutral,
/// queries and keys are large enough for attention to be uneven.
public final class TinyModels {
    /// Every family of `Architectures.ALL`, and every variant that changes the computation.
    public static final List<TinyModel> ALL = TinyConfigs.all();

    /// The seed of the weights that the golden logits belong to.
    public static final long SEED = 20261124;

    private static final long SHARD_BYTES = 1L << 30;

    private TinyModels() {}

    /// The model of that name.
    public static TinyModel named(String name) {
        return ALL.stream()
                .filter(model -> model.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no tiny model " + name + " in " + ALL));
    }

    /// Writes `model` in float32 into `directory`, which is made; returns it.
    public static Path write(TinyModel model, Path directory) {
        return write(model, directory, SEED, SHARD_BYTES);
    }

    /// The same with other weights, in shards of at most `maxShardBytes`.
    public static Path write(TinyModel model, Path directory, long seed, long maxShardBytes) {
        Safetensors.writeDirectory(directory, tensors(model, seed), maxShardBytes, Map.of("format", "pt"));
        ObjectNode generation = Json.object().put("bos_token_id", 1).put("eos_token_id", 2);
        text(directory, "config.json", model.config());
        text(directory, "generation_config.json", generation);
        text(directory, "tokenizer.json", TinyTokenizer.json());
        text(directory, "tokenizer_config.json", TinyTokenizer.config());
        return directory;
    }

    /// The network that the model's config.json describes.
    public static Network network(TinyModel model) {
        Architecture architecture = Architectures.ofConfig(model.config())
                .orElseThrow(() -> new IllegalArgumentException(model + " is of no known architecture"));
        return architecture.network(model.config());
    }

    private static List<TensorPlan> tensors(TinyModel model, long seed) {
        Network network = network(model);
        List<TensorPlan> plans = new ArrayList<>();
        int hidden = network.config().hiddenSize();
        plans.add(matrix(network.embedding().name(), network.config().vocabSize(), hidden, 1.7f, seed));
        for (Linear linear : network.linears()) {
            plans.add(matrix(linear.weightName(), linear.outFeatures(), linear.inFeatures(), spread(linear), seed));
            if (linear.bias()) {
                plans.add(vector(linear.biasName(), linear.outFeatures(), 0, 0.5f, seed));
            }
        }
        for (Norm norm : network.norms()) {
            plans.add(vector(norm.name(), norm.size(), 1 - norm.offset(), 0.4f, seed));
        }
        if (!network.tied()) {
            plans.add(matrix(
                    network.head().weightName(), network.config().vocabSize(), hidden, spread(network.head()), seed));
        }
        return plans;
    }

    private static float spread(Linear linear) {
        float gain = switch (linear.role()) {
            case Q, K -> 1.6f;
            case V, O, GATE, UP, DOWN, HEAD -> 1;
        };
        return (float) (gain * Math.sqrt(3.0 / linear.inFeatures()));
    }

    private static TensorPlan matrix(String name, int rows, int cols, float spread, long seed) {
        return TensorPlan.of(name, Tensor.of(new SeededValues(name, seed).uniform(rows * cols, 0, spread), rows, cols));
    }

    private static TensorPlan vector(String name, int size, float center, float spread, long seed) {
        return TensorPlan.of(name, Tensor.of(new SeededValues(name, seed).uniform(size, center, spread), size));
    }

    private static void text(Path directory, String name, JsonNode json) {
        try {
            Files.writeString(directory.resolve(name), Json.pretty(json));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Writes all tiny models into folders of the directory given: input of `tools/make_architecture_goldens.py`.
    public static void main(String[] arguments) {
        for (TinyModel model : ALL) {
            write(model, Path.of(arguments[0]).resolve(model.name()));
        }
    }
}
