package dev.quern.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.UnaryOperator;

/// Ways to damage a good file.
final class BrokenFiles {
    private BrokenFiles() {}

    static byte[] bytes(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Path write(Path file, byte[] bytes) {
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            return Files.write(file, bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static byte[] truncated(byte[] bytes, long length) {
        return Arrays.copyOf(bytes, (int) length);
    }

    static byte[] withLong(byte[] bytes, long at, long value) {
        byte[] changed = bytes.clone();
        ByteBuffer.wrap(changed).order(ByteOrder.LITTLE_ENDIAN).putLong((int) at, value);
        return changed;
    }

    static byte[] withInt(byte[] bytes, long at, int value) {
        byte[] changed = bytes.clone();
        ByteBuffer.wrap(changed).order(ByteOrder.LITTLE_ENDIAN).putInt((int) at, value);
        return changed;
    }

    static byte[] withFloat(byte[] bytes, long at, float value) {
        byte[] changed = bytes.clone();
        ByteBuffer.wrap(changed).order(ByteOrder.LITTLE_ENDIAN).putFloat((int) at, value);
        return changed;
    }

    static long longAt(byte[] bytes, long at) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong((int) at);
    }

    /// The safetensors file with another header text; the data stay.
    static byte[] withHeader(byte[] safetensors, UnaryOperator<String> change) {
        int length = (int) longAt(safetensors, 0);
        byte[] header = change.apply(new String(safetensors, 8, length, StandardCharsets.UTF_8))
                .getBytes(StandardCharsets.UTF_8);
        ByteBuffer all = ByteBuffer.allocate(8 + header.length + safetensors.length - 8 - length)
                .order(ByteOrder.LITTLE_ENDIAN);
        return all.putLong(header.length)
                .put(header)
                .put(safetensors, 8 + length, safetensors.length - 8 - length)
                .array();
    }

    /// Where `text` begins in the file.
    static int indexOf(byte[] bytes, String text) {
        int at = new String(bytes, StandardCharsets.ISO_8859_1).indexOf(text);
        if (at < 0) {
            throw new IllegalArgumentException(text + " is not in the file");
        }
        return at;
    }
}
