package dev.quern.formats;

import dev.quern.core.QuernException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/// The registry of checkpoint formats.
public final class Formats {
    /// All formats, in the order in which they are asked whether they recognise a path.
    public static final List<CheckpointFormat> ALL = List.of(new GgufFormat(), new SafetensorsFormat());

    private Formats() {}

    /// The format of `path`, a file or a directory.
    public static CheckpointFormat of(Path path) {
        if (!Files.exists(path)) {
            throw new QuernException(path + ": no such file or directory; a model is a directory with config.json and"
                    + " safetensors files, or a .gguf file");
        }
        return ALL.stream()
                .filter(format -> format.recognises(path))
                .findFirst()
                .orElseThrow(() -> new QuernException(path + ": not a checkpoint; known formats are "
                        + ALL.stream().map(CheckpointFormat::name).collect(Collectors.joining(", "))));
    }
}
