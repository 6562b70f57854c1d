package dev.quern.formats;

import java.util.List;

/// An open checkpoint file (or set of shards): owns the memory map that all its tensors are views of.
///
/// Safe for use by many threads; after `close` every view throws `IllegalStateException`.
public sealed interface CheckpointFile extends AutoCloseable permits SafetensorsFile, GgufFile {
    /// All tensors in the order of the file.
    List<StoredTensor> stored();

    @Override
    void close();
}
