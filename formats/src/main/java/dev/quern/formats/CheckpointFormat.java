package dev.quern.formats;

import java.nio.file.Path;

/// A file format that holds checkpoints.
public interface CheckpointFormat {
    /// `safetensors` or `gguf`.
    String name();

    /// True where `path` claims to be of this format, judged by its name and, for files, its first bytes.
    boolean recognises(Path path);

    /// Opens without reading any weights; throws a `QuernException` of one line for whatever is wrong with the
    /// file.
    CheckpointFile open(Path path);
}
