package dev.quern.formats;

import dev.quern.core.QuernException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/// Keeps a second process (or thread) from the same output: a file beside it that is locked while the first writes.
///
/// The operating system drops the lock when the process dies, so a left-over lock file never blocks anybody.
public final class OutputLock implements AutoCloseable {
    /// Locked far behind the content, so that the content stays readable where locks are mandatory.
    private static final long LOCKED_BYTE = Long.MAX_VALUE - 1;

    private final Path path;
    private final FileChannel channel;

    private OutputLock(Path path, FileChannel channel) {
        this.path = path;
        this.channel = channel;
    }

    /// Locks the output directory, which must exist.
    public static OutputLock ofDirectory(Path directory) {
        return take(directory.resolve(".quern-lock"), directory);
    }

    /// Locks the output file, which need not exist.
    public static OutputLock ofFile(Path file) {
        return take(file.resolveSibling("." + file.getFileName() + ".quern-lock"), file);
    }

    private static OutputLock take(Path path, Path output) {
        try {
            while (true) {
                FileChannel channel = FileChannel.open(
                        path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
                boolean kept = false;
                try {
                    if (!isLocked(channel)) {
                        throw refused(path, output);
                    }
                    kept = isStillAt(path, channel);
                    if (kept) {
                        return new OutputLock(path, channel);
                    }
                } finally {
                    if (!kept) {
                        channel.close();
                    }
                }
            }
        } catch (IOException e) {
            throw Failures.writing(output, e);
        }
    }

    private static boolean isLocked(FileChannel channel) throws IOException {
        try {
            FileLock lock = channel.tryLock(LOCKED_BYTE, 1, false);
            return lock != null;
        } catch (OverlappingFileLockException _) {
            return false;
        }
    }

    /// Records our process and checks that `path` still names the file we locked: the holder before us removes it.
    private static boolean isStillAt(Path path, FileChannel channel) throws IOException {
        String record = ProcessHandle.current().pid() + " " + UUID.randomUUID() + "\n";
        channel.truncate(0);
        channel.write(ByteBuffer.wrap(record.getBytes(StandardCharsets.UTF_8)), 0);
        try {
            return Files.readString(path).equals(record);
        } catch (java.nio.file.NoSuchFileException _) {
            return false;
        }
    }

    private static QuernException refused(Path path, Path output) {
        String pid = "";
        try {
            String[] words = Files.readString(path).split(" ", 2);
            pid = words[0].matches("\\d{1,10}") ? " (pid " + words[0] + ")" : "";
        } catch (IOException _) {
            // the holder has just finished; the refusal stands
        }
        return new QuernException(output + ": another process" + pid
                + " is writing this output; wait until it ends or choose another output");
    }

    @Override
    public void close() {
        AtomicOutput.deleteQuietly(path);
        try {
            channel.close();
        } catch (IOException _) {
            // the lock goes with the process at the latest
        }
    }
}
