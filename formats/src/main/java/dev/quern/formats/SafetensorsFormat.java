package dev.quern.formats;

import java.nio.file.Files;
import java.nio.file.Path;

/// Safetensors as a checkpoint format.
final class SafetensorsFormat implements CheckpointFormat {
    @Override
    public String name() {
        return "safetensors";
    }

    @Override
    public boolean recognises(Path path) {
        String name = path.toString();
        return Files.isDirectory(path) || name.endsWith(".safetensors") || name.endsWith(".safetensors.index.json");
    }

    @Override
    public CheckpointFile open(Path path) {
        return Safetensors.open(path);
    }
}
