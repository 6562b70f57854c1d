package dev.quern.methods;

import com.fasterxml.jackson.databind.JsonNode;
import dev.quern.core.PackedWeight;
import dev.quern.core.Progress;
import dev.quern.core.QuernException;
import dev.quern.formats.Json;
import dev.quern.models.Checkpoint;
import dev.quern.models.Network;
import dev.quern.models.Parameter;
import dev.quern.models.WeightSource;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// Looks at a written model as its users will: are the files the ones that were written, is every parameter there in
/// its
/// shape, is every weight finite?
///
/// Reads every byte once, one row of a matrix in memory at a time.
public final class Verification {
    /// `checksums` files were compared with `quern.json` (0 where there is none), `parameters` and `weights` were read.
    /// `problems` is empty where all is well; each is one line that names the place.
    public record Report(int checksums, int parameters, long weights, List<String> problems) {
        public Report {
            problems = List.copyOf(problems);
        }

        /// True where nothing was found.
        public boolean sound() {
            return problems.isEmpty();
        }
    }

    private final Checkpoint checkpoint;
    private final Progress progress;
    private final List<String> problems = new ArrayList<>();
    private int checksums;
    private int parameters;
    private long weights;

    private Verification(Checkpoint checkpoint, Progress progress) {
        this.checkpoint = checkpoint;
        this.progress = progress;
    }

    /// Checks all of `checkpoint`; throws only where Quern does not know the model.
    public static Report of(Checkpoint checkpoint, Progress progress) {
        checkpoint.requireSupported();
        return new Verification(checkpoint, progress).run();
    }

    private Report run() {
        Path manifest = checkpoint.path().resolve(QuantizedOutput.MANIFEST);
        if (Files.isRegularFile(manifest)) {
            checksums(Json.read(manifest).path("files"));
        }
        Network network = checkpoint.network();
        WeightSource source = checkpoint.weights();
        List<Parameter> all = Parameter.of(network);
        for (Parameter parameter : all) {
            progress.at(parameter.name(), parameters, all.size());
            parameter(parameter, source);
            parameters++;
        }
        return new Report(checksums, parameters, weights, problems);
    }

    private void checksums(JsonNode files) {
        for (Map.Entry<String, JsonNode> entry : files.properties()) {
            Path file = checkpoint.path().resolve(entry.getKey());
            progress.at("checksum of " + entry.getKey(), checksums, files.size());
            checksums++;
            if (!Files.isRegularFile(file)) {
                problems.add(file + ": is listed in " + QuantizedOutput.MANIFEST + " and is not there");
            } else if (!Sha256.ofFile(file)
                    .equals(entry.getValue().path("sha256").asText())) {
                problems.add(file + ": is not the file that was written: its checksum differs from that in "
                        + QuantizedOutput.MANIFEST);
            }
        }
    }

    private void parameter(Parameter parameter, WeightSource source) {
        try {
            if (!source.has(parameter.name())) {
                problems.add(parameter.name() + ": is missing from the checkpoint");
            } else if (parameter.isMatrix()) {
                matrix(parameter, source);
            } else {
                finite(parameter.name(), "element ", parameter.vector(source));
            }
        } catch (QuernException | IllegalArgumentException e) {
            problems.add(parameter.name() + ": " + e.getMessage());
        }
    }

    private void matrix(Parameter parameter, WeightSource source) {
        PackedWeight weight = parameter.weight(source);
        float[] row = new float[weight.cols()];
        for (int i = 0; i < weight.rows(); i++) {
            weight.unpackRow(i, row, 0);
            if (!finite(parameter.name(), "row " + i + ", column ", row)) {
                break;
            }
        }
        Mapped.release(weight);
    }

    /// The first weight that is not finite is told, with its place; the others of the parameter need not be.
    private boolean finite(String name, String place, float[] values) {
        weights += values.length;
        for (int i = 0; i < values.length; i++) {
            if (!Float.isFinite(values[i])) {
                problems.add(name + ": " + values[i] + " in " + place + i);
                return false;
            }
        }
        return true;
    }
}
