package dev.quern.formats;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/// A file being written front to back: counts its bytes and digests them as they pass.
///
/// Made by `AtomicOutput` and `OutputDirectory`; for one thread.
public final class OutputFile implements AutoCloseable {
    private static final int SCRATCH_BYTES = 1 << 18;

    private final FileChannel channel;
    private final MessageDigest digest;
    private final ByteBuffer scratch = ByteBuffer.allocate(SCRATCH_BYTES);
    private long position;

    private OutputFile(FileChannel channel, MessageDigest digest) {
        this.channel = channel;
        this.digest = digest;
    }

    static OutputFile create(Path path) throws IOException {
        FileChannel channel = FileChannel.open(
                path, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING);
        try {
            return new OutputFile(channel, MessageDigest.getInstance("SHA-256"));
        } catch (NoSuchAlgorithmException e) {
            channel.close();
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    /// Bytes written so far.
    public long position() {
        return position;
    }

    /// Appends the whole segment.
    public void write(MemorySegment data) throws IOException {
        for (long done = 0; done < data.byteSize(); done += SCRATCH_BYTES) {
            int count = (int) Math.min(SCRATCH_BYTES, data.byteSize() - done);
            scratch.clear().limit(count);
            MemorySegment.copy(data, done, MemorySegment.ofBuffer(scratch), 0, count);
            digest.update(scratch.array(), 0, count);
            while (scratch.hasRemaining()) {
                channel.write(scratch);
            }
            position += count;
        }
    }

    /// Appends the bytes.
    public void write(byte[] data) throws IOException {
        write(MemorySegment.ofArray(data));
    }

    /// Appends zero bytes up to the next multiple of `alignment`.
    public void pad(int alignment) throws IOException {
        int past = (int) (position % alignment);
        if (past != 0) {
            write(new byte[alignment - past]);
        }
    }

    /// Brings all bytes to the disk; returns their SHA-256.
    String sync() throws IOException {
        channel.force(true);
        return HexFormat.of().formatHex(digest.digest());
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
