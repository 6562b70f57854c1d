package dev.quern.formats;

import dev.quern.core.QuernException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/// Keeps a second process (or thread) from the same output: a file beside it that is locked while the first writes.
///
/// The operating system drops the lock when the process dies, so a left-over lock file never blocks anybody.
public final class OutputLock implements AutoCloseable {
    /// Locked far behind the content, so that the content stays readable where locks are mandatory.
    private static final long LOCKED_BYTE = Long.MAX_VALUE - 1;

    private static final int MOST_RECORD_BYTES = 20;

    /// What this process holds. Process-wide on purpose, as the locks are: POSIX drops a process's lock on a file
    /// as soon as the process closes any other handle of that file, so a file held here must not even be opened
    /// again.
    private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

    private final Path path;
    private final FileChannel channel;

    private OutputLock(Path path, FileChannel channel) {
        this.path = path;
        this.channel = channel;
    }

    /// Locks the output directory, which must exist.
    public static OutputLock ofDirectory(Path directory) {
        return take(directory, ".quern-lock", directory);
    }

    /// Locks the output file, which need not exist; its directory must.
    public static OutputLock ofFile(Path file) {
        Path parent = Objects.requireNonNull(file.toAbsolutePath().getParent(), "a file has a directory");
        return take(parent, "." + file.getFileName() + ".quern-lock", file);
    }

    private static OutputLock take(Path directory, String name, Path output) {
        Path path;
        try {
            path = directory.toRealPath().resolve(name);
        } catch (IOException e) {
            throw Failures.writing(output, e);
        }
        if (!HELD.add(path)) {
            throw refused(output, " (pid " + ProcessHandle.current().pid() + ")");
        }
        boolean kept = false;
        try {
            OutputLock lock = new OutputLock(path, lock(path, output));
            kept = true;
            return lock;
        } catch (IOException e) {
            throw Failures.writing(output, e);
        } finally {
            if (!kept) {
                HELD.remove(path);
            }
        }
    }

    /// Locks the file at `path`, made if need be. The holder before us removes it, so the lock counts only if the
    /// name stood for one and the same file before it was opened and after it was locked.
    private static FileChannel lock(Path path, Path output) throws IOException {
        while (true) {
            Object before = identity(path);
            FileChannel channel = FileChannel.open(
                    path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            boolean kept = false;
            try {
                if (channel.tryLock(LOCKED_BYTE, 1, false) == null) {
                    throw refused(output, holder(channel));
                }
                // null twice: just created by us or a system without identities, where an open file stays in place
                kept = before != null && before.equals(identity(path)) || before == null && isOnlyName(path);
                if (kept) {
                    byte[] record = (ProcessHandle.current().pid() + "\n").getBytes(StandardCharsets.US_ASCII);
                    channel.truncate(0);
                    channel.write(ByteBuffer.wrap(record), 0);
                    return channel;
                }
            } finally {
                if (!kept) {
                    channel.close();
                }
            }
        }
    }

    /// On systems that give files an identity, a file that did not exist before is tried again as one that did.
    private static boolean isOnlyName(Path path) throws IOException {
        return Files.exists(path) && identity(path) == null;
    }

    private static @Nullable Object identity(Path path) throws IOException {
        try {
            return Files.readAttributes(path, BasicFileAttributes.class).fileKey();
        } catch (NoSuchFileException _) {
            return null;
        }
    }

    private static String holder(FileChannel channel) throws IOException {
        ByteBuffer record = ByteBuffer.allocate(MOST_RECORD_BYTES);
        channel.read(record, 0);
        String pid = new String(record.array(), 0, record.position(), StandardCharsets.US_ASCII).strip();
        return pid.matches("\\d{1,10}") ? " (pid " + pid + ")" : "";
    }

    private static QuernException refused(Path output, String holder) {
        return new QuernException(output + ": another process" + holder
                + " is writing this output; wait until it ends or choose another output");
    }

    @Override
    public void close() {
        AtomicOutput.deleteQuietly(path);
        try {
            channel.close();
        } catch (IOException _) {
            // the lock goes with the process at the latest
        } finally {
            HELD.remove(path);
        }
    }
}
