package dev.quern.methods;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.QuernException;
import dev.quern.formats.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Everything that shapes a result: the model's files, the recipe, the calibration tokens, the seed, what is left out.
/// Two runs with the same fingerprint give the same bytes.
final class Fingerprint {
    private Fingerprint() {}

    static ObjectNode of(Path model, Recipe recipe, PipelineOptions options, @Nullable CalibrationSet calibration) {
        ObjectNode json = Json.object().put("quern", version());
        json.set("model", files(model));
        json.set("recipe", recipe.toJson());
        json.set("calibration", calibration(options, calibration));
        json.put("seed", options.seed());
        options.exclude().forEach(json.putArray("exclude")::add);
        return json.put("keep-head", options.keepHead());
    }

    /// This build's version.
    static String version() {
        String version = Fingerprint.class.getPackage().getImplementationVersion();
        return version == null ? "0.1.0" : version;
    }

    /// The calibration's part of `quern.json`; an empty object where there was none.
    static ObjectNode calibration(PipelineOptions options, @Nullable CalibrationSet calibration) {
        ObjectNode json = Json.object();
        PipelineOptions.CalibrationSource source = options.calibration();
        if (calibration != null && source != null) {
            json.put("file", String.valueOf(source.file().getFileName()))
                    .put("sha256", calibration.sha256())
                    .put("samples", source.samples())
                    .put("seq_len", source.seqLen())
                    .put("tokens", calibration.tokens());
        }
        return json;
    }

    /// SHA-256 of each file that holds weights, configuration or tokenizer.
    static ObjectNode files(Path model) {
        ObjectNode json = Json.object();
        for (Path file : modelFiles(model)) {
            json.put(String.valueOf(file.getFileName()), Sha256.ofFile(file));
        }
        return json;
    }

    private static List<Path> modelFiles(Path model) {
        if (!Files.isDirectory(model)) {
            return List.of(model);
        }
        try (Stream<Path> files = Files.list(model)) {
            return files.filter(Files::isRegularFile)
                    .filter(f -> f.toString().endsWith(".safetensors")
                            || f.endsWith("config.json")
                            || f.endsWith("tokenizer.json"))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new QuernException(model + ": cannot be listed; check its permissions", e);
        }
    }
}
