package dev.quern.demo;

import dev.quern.core.DType;
import dev.quern.core.Shape;
import dev.quern.core.Tensor;
import dev.quern.core.UsageException;
import dev.quern.formats.Safetensors;
import dev.quern.formats.SafetensorsFile;
import dev.quern.formats.TensorPlan;
import dev.quern.torch.AdamW;
import dev.quern.torch.TorchTensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What a training needs to go on after it was stopped: parameters and moments in float32, and how far it was.
///
/// Lies beside the model while it is in training; is replaced as a whole, so a stop at any moment leaves a whole one.
final class TrainingFile {
    /// As it was after `moments.step()` steps. `parameters` by name.
    record State(Map<String, float[]> parameters, AdamW.State moments, double loss) {}

    private final Path file;
    private final TrainDemo.Config config;

    TrainingFile(Path directory, TrainDemo.Config config) {
        this.file = directory.resolve("training.safetensors");
        this.config = config;
    }

    void write(List<String> names, List<TorchTensor> parameters, AdamW.State moments, double loss) {
        List<TensorPlan> plans = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            Shape shape = new Shape(parameters.get(i).shape());
            plans.add(plan("parameter." + names.get(i), shape, parameters.get(i).toFloats()));
            plans.add(plan("mean." + names.get(i), shape, moments.means().get(i)));
            plans.add(plan("square." + names.get(i), shape, moments.squares().get(i)));
        }
        Map<String, String> metadata = Map.of(
                "step", Integer.toString(moments.step()),
                "loss", Double.toString(loss),
                "names", String.join(" ", names),
                "config", config.toString());
        Safetensors.write(file, plans, metadata);
    }

    private static TensorPlan plan(String name, Shape shape, float[] values) {
        return new TensorPlan(name, DType.F32, shape, () -> Tensor.of(values, shape.sizes()));
    }

    /// Empty where no training was stopped here.
    Optional<State> read() {
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        try (SafetensorsFile stored = Safetensors.open(file)) {
            Map<String, String> metadata = stored.metadata();
            if (!config.toString().equals(metadata.get("config"))) {
                throw new UsageException(file + ": a training with other settings was stopped here ("
                        + metadata.get("config") + "); use those settings, or another output directory");
            }
            Map<String, float[]> parameters = new LinkedHashMap<>();
            List<float[]> means = new ArrayList<>();
            List<float[]> squares = new ArrayList<>();
            for (String name : metadata.getOrDefault("names", "").split(" ", -1)) {
                parameters.put(name, stored.tensor("parameter." + name).toFloats());
                means.add(stored.tensor("mean." + name).toFloats());
                squares.add(stored.tensor("square." + name).toFloats());
            }
            int step = Integer.parseInt(metadata.getOrDefault("step", ""));
            double loss = Double.parseDouble(metadata.getOrDefault("loss", ""));
            return Optional.of(new State(parameters, new AdamW.State(step, means, squares), loss));
        }
    }

    void delete() {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
