package dev.quern.formats;

import dev.quern.core.QuernException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/// Several files that become visible together: each is written under a temporary name, and `commit` moves them into
/// place one by one, the last one added (the manifest) last. Closed without `commit`, nothing new remains.
///
/// Holds the output's lock from `open` to `close`. For one thread.
public final class OutputDirectory implements AutoCloseable {
    private final Path directory;
    private final boolean created;
    private final OutputLock lock;
    private final Map<String, Written> staged = new LinkedHashMap<>();
    private final List<String> removed = new ArrayList<>();
    private boolean committed;

    private OutputDirectory(Path directory, boolean created, OutputLock lock) {
        this.directory = directory;
        this.created = created;
        this.lock = lock;
    }

    /// Opens `directory`, which is made if it does not exist, and clears away what a killed run left there.
    public static OutputDirectory open(Path directory) {
        Path absolute = directory.toAbsolutePath();
        boolean created = !Files.exists(absolute);
        if (!created && !Files.isDirectory(absolute)) {
            throw new QuernException(directory + ": is a file, expected a directory to write to");
        }
        try {
            Files.createDirectories(absolute);
            if (!Files.isWritable(absolute)) {
                throw new QuernException(directory + ": no permission to write there; choose another output");
            }
            OutputLock lock = OutputLock.ofDirectory(absolute);
            clearLeftovers(absolute);
            return new OutputDirectory(absolute, created, lock);
        } catch (IOException e) {
            throw Failures.writing(directory, e);
        }
    }

    /// The directory, absolute.
    public Path path() {
        return directory;
    }

    /// Writes and syncs a file that `commit` will publish as `name`; `expectedBytes` 0 = not known.
    public Written add(String name, long expectedBytes, AtomicOutput.Body body) {
        Path file = resolve(name);
        AtomicOutput.requireSpace(file, expectedBytes);
        Written written = AtomicOutput.stage(file, body);
        staged.put(name, written);
        return written;
    }

    /// The same for text in UTF-8.
    public Written add(String name, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return add(name, bytes.length, out -> out.write(bytes));
    }

    /// The same for a copy of `source`.
    public Written copy(Path source, String name) {
        try (Arena arena = Arena.ofConfined()) {
            MappedFile file = MappedFile.map(source, arena);
            return add(name, file.size(), out -> out.write(file.data()));
        }
    }

    /// `commit` removes an older file of that name (one that would hide the new ones).
    public void remove(String name) {
        removed.add(name);
    }

    /// The files written so far, for a manifest that names them.
    public List<Written> staged() {
        return List.copyOf(staged.values());
    }

    /// Where a staged file's bytes lie until `commit`, for reading them back first.
    public Path staged(String name) {
        return AtomicOutput.temporary(resolve(name));
    }

    /// Moves all files into place in the order they were added; returns them as they now lie.
    public List<Written> commit() {
        staged.keySet().forEach(name -> AtomicOutput.publish(resolve(name)));
        removed.stream()
                .filter(name -> !staged.containsKey(name))
                .forEach(name -> AtomicOutput.deleteQuietly(resolve(name)));
        AtomicOutput.syncDirectory(directory);
        committed = true;
        return List.copyOf(staged.values());
    }

    @Override
    public void close() {
        if (!committed) {
            staged.keySet().forEach(name -> AtomicOutput.deleteQuietly(staged(name)));
        }
        lock.close();
        if (!committed && created) {
            AtomicOutput.deleteQuietly(directory);
        }
    }

    private Path resolve(String name) {
        Path file = directory.resolve(name);
        if (!directory.equals(file.getParent())) {
            throw new IllegalArgumentException("not a plain file name: " + name);
        }
        return file;
    }

    /// What cannot be listed or removed does no harm: it is overwritten or stays under its temporary name.
    private static void clearLeftovers(Path directory) {
        try (Stream<Path> files = Files.list(directory)) {
            files.filter(f -> f.toString().endsWith(AtomicOutput.TEMPORARY)).forEach(AtomicOutput::deleteQuietly);
        } catch (IOException _) {
            // the writes that follow will tell
        }
    }
}
