package dev.quern.formats;

import java.nio.file.Path;

/// A file that lies complete on the disk: its size and the SHA-256 of its bytes in lower-case hexadecimal.
public record Written(Path path, long bytes, String sha256) {}
