package dev.quern.formats;

import dev.quern.core.CorruptFileException;
import dev.quern.core.QuernException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// A whole file as a read-only memory map that lives as long as the arena it was mapped in.
record MappedFile(Path path, MemorySegment data) {
    static MappedFile map(Path path, Arena arena) {
        if (Files.isDirectory(path)) {
            throw new QuernException(path + ": is a directory, expected a file");
        }
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            return new MappedFile(path, channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena));
        } catch (IOException e) {
            throw Failures.reading(path, e);
        }
    }

    long size() {
        return data.byteSize();
    }

    CorruptFileException corrupt(long offset, String reason) {
        return new CorruptFileException(path, offset, reason);
    }
}
