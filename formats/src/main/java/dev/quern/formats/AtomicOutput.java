package dev.quern.formats;

import dev.quern.core.QuernException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/// Writes a file so that its name stands for the old content or the whole new one, never for half.
///
/// The bytes go to a temporary name in the same directory, are synced, and are moved into place; whatever fails
/// before the move removes the temporary file.
public final class AtomicOutput {
    /// What temporary names end with; files so named are left-overs of a killed run and may be removed.
    static final String TEMPORARY = ".quern-tmp";

    private AtomicOutput() {}

    /// Puts a file's bytes into `out`, front to back.
    @FunctionalInterface
    public interface Body {
        void writeTo(OutputFile out) throws IOException;
    }

    /// Writes `target` under a lock that keeps a second process from the same output. `expectedBytes` is checked
    /// against
    /// the free space first; 0 where the size is not known.
    public static Written write(Path target, long expectedBytes, Body body) {
        Path file = target.toAbsolutePath();
        Path directory = writableParent(file);
        try (OutputLock _ = OutputLock.ofFile(file)) {
            requireSpace(file, expectedBytes);
            Written written = stage(file, body);
            publish(file);
            syncDirectory(directory);
            return new Written(target, written.bytes(), written.sha256());
        }
    }

    /// Writes `text` in UTF-8.
    public static Written write(Path target, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return write(target, bytes.length, out -> out.write(bytes));
    }

    /// Writes and syncs the temporary file of `file`; removes it if anything fails.
    static Written stage(Path file, Body body) {
        Path temporary = temporary(file);
        boolean complete = false;
        try (OutputFile out = OutputFile.create(temporary)) {
            body.writeTo(out);
            Written written = new Written(file, out.position(), out.sync());
            complete = true;
            return written;
        } catch (IOException e) {
            throw Failures.writing(file, e);
        } finally {
            if (!complete) {
                deleteQuietly(temporary);
            }
        }
    }

    /// Moves the staged temporary file of `file` to its name.
    static void publish(Path file) {
        Path temporary = temporary(file);
        try {
            try {
                Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
            } catch (AtomicMoveNotSupportedException _) {
                Files.move(temporary, file, StandardCopyOption.REPLACE_EXISTING);
            }
        } catch (IOException e) {
            deleteQuietly(temporary);
            throw Failures.writing(file, e);
        }
    }

    static Path temporary(Path file) {
        return file.resolveSibling(file.getFileName() + TEMPORARY);
    }

    /// Makes the moves in `directory` durable where the system allows it (Windows does not and needs not).
    static void syncDirectory(Path directory) {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException _) {
            // a file system without directory handles has no way to sync one
        }
    }

    static void deleteQuietly(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException _) {
            // the failure that led here is the one to report
        }
    }

    /// Refuses before any work what could not be written after it.
    static void requireSpace(Path file, long expectedBytes) {
        try {
            long free = Files.getFileStore(file.getParent()).getUsableSpace();
            if (expectedBytes > free) {
                throw new QuernException(file + ": needs " + expectedBytes + " bytes but only " + free
                        + " are free there; free some or choose another output");
            }
        } catch (IOException _) {
            // the file system does not tell: the write itself will
        }
    }

    private static Path writableParent(Path file) {
        Path directory = file.getParent();
        if (directory == null || Files.isDirectory(file)) {
            throw new QuernException(file + ": is a directory, expected the name of a file to write");
        }
        if (!Files.isDirectory(directory)) {
            throw new QuernException(directory + ": no such directory; create it first");
        }
        if (!Files.isWritable(directory)) {
            throw new QuernException(directory + ": no permission to write there; choose another output");
        }
        return directory;
    }
}
