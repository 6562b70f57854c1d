package dev.quern.formats;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// The GGUF format: typed metadata and tensors in blocks, in one file.
///
/// The bytes are described in docs/formats/gguf.md.
public final class Gguf {
    /// Where a file does not say otherwise, data and tensors start at multiples of this.
    static final int ALIGNMENT = 32;

    private Gguf() {}

    /// Opens a file of version 2 or 3; reads metadata and the list of tensors only.
    public static GgufFile open(Path path) {
        return GgufFile.open(path);
    }

    /// Writes a version 3 file, atomically. Values of `metadata`: String, Boolean, Integer (i32), Long (u32 where
    /// it fits, else i64), Float or Double (f32), int[], float[], byte[] (u8), or a List of one of these
    /// (whole numbers become i32 where they fit).
    public static Written write(Path path, Map<String, ?> metadata, List<GgufPlan> plans) {
        GgufWriter writer = new GgufWriter(metadata, plans);
        return AtomicOutput.write(path, writer.bytes(), writer::writeTo);
    }
}
