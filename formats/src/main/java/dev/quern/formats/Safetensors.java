package dev.quern.formats;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// The safetensors format: a JSON header and the tensors behind it, in one file or in shards with an index.
///
/// The bytes are described in docs/formats/safetensors.md.
public final class Safetensors {
    /// The file name of a checkpoint that lies in one file.
    public static final String SINGLE = "model.safetensors";

    /// The file name of the index of a checkpoint in shards.
    public static final String INDEX = "model.safetensors.index.json";

    private Safetensors() {}

    /// Opens a file, an index, or a directory that holds either; reads headers only.
    public static SafetensorsFile open(Path fileOrDirectory) {
        return SafetensorsFile.open(fileOrDirectory);
    }

    /// Writes one file, atomically: `file` is the old one or the whole new one.
    public static Written write(Path file, List<TensorPlan> plans, Map<String, String> metadata) {
        SafetensorsWriter writer = new SafetensorsWriter(plans, metadata);
        return AtomicOutput.write(file, writer.bytes(), writer::writeTo);
    }

    /// Writes `model.safetensors`, or shards of at most `maxShardBytes` with their index, into `directory`.
    public static List<Written> writeDirectory(
            Path directory, List<TensorPlan> plans, long maxShardBytes, Map<String, String> metadata) {
        try (OutputDirectory out = OutputDirectory.open(directory)) {
            addTo(out, plans, maxShardBytes, metadata);
            return out.commit();
        }
    }

    /// Stages one file called `name` in a directory that other files go to as well; the caller commits.
    public static void addFile(OutputDirectory out, String name, List<TensorPlan> plans, Map<String, String> metadata) {
        SafetensorsWriter writer = new SafetensorsWriter(plans, metadata);
        out.add(name, writer.bytes(), writer::writeTo);
    }

    /// `writeDirectory` into a directory that other files go to as well; the caller commits.
    public static void addTo(
            OutputDirectory out, List<TensorPlan> plans, long maxShardBytes, Map<String, String> metadata) {
        SafetensorsShards.write(out, plans, maxShardBytes, metadata);
    }
}
