package dev.quern.formats;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/// GGUF as a checkpoint format.
final class GgufFormat implements CheckpointFormat {
    @Override
    public String name() {
        return "gguf";
    }

    @Override
    public boolean recognises(Path path) {
        if (!Files.isRegularFile(path)) {
            return false;
        }
        if (path.toString().endsWith(".gguf")) {
            return true;
        }
        try (InputStream in = Files.newInputStream(path)) {
            return Arrays.equals(in.readNBytes(4), "GGUF".getBytes(StandardCharsets.US_ASCII));
        } catch (IOException e) {
            throw Failures.reading(path, e);
        }
    }

    @Override
    public CheckpointFile open(Path path) {
        return Gguf.open(path);
    }
}
