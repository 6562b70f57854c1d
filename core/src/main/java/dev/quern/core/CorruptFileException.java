package dev.quern.core;

import java.nio.file.Path;

/// A file whose bytes contradict its format.
public final class CorruptFileException extends QuernException {
    private static final long serialVersionUID = 1L;

    /// `offset` is where the contradiction was seen, in bytes from the start of the file.
    public CorruptFileException(Path path, long offset, String reason) {
        super(path + ": byte " + offset + ": " + reason);
    }
}
