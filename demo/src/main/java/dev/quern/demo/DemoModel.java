package dev.quern.demo;

import dev.quern.core.QuernException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.zip.CRC32;

/// The model behind the name `demo`: it lies in the program, and is put on the disk once so that it can be mapped.
public final class DemoModel {
    /// The files of the model's directory.
    static final List<String> FILES = List.of(
            "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors");

    private DemoModel() {}

    /// True where the program carries a trained model.
    public static boolean exists() {
        return DemoModel.class.getResource("model/model.safetensors") != null;
    }

    /// The model's directory, in the cache folder: `$QUERN_CACHE`, or `$XDG_CACHE_HOME/quern`, or `~/.cache/quern`.
    public static Path directory() {
        return directory(cache());
    }

    /// The model's directory under `cache`, named after its content; made where it is missing or damaged.
    static Path directory(Path cache) {
        try {
            List<byte[]> contents = new ArrayList<>();
            for (String name : FILES) {
                contents.add(read(name));
            }
            Path directory = cache.resolve("demo-" + checksum(contents));
            Files.createDirectories(directory);
            for (int i = 0; i < FILES.size(); i++) {
                put(directory.resolve(FILES.get(i)), contents.get(i));
            }
            return directory;
        } catch (IOException e) {
            throw new QuernException(
                    "demo: the model cannot be put into " + cache + ": " + reason(e)
                            + "; set QUERN_CACHE to a folder that can be written",
                    e);
        }
    }

    /// A half-written file is never seen: it is moved in place when complete.
    private static void put(Path file, byte[] content) throws IOException {
        if (Files.exists(file) && Arrays.equals(Files.readAllBytes(file), content)) {
            return;
        }
        Path temporary = Files.createTempFile(file.getParent(), file.getFileName() + ".", ".part");
        try {
            Files.write(temporary, content);
            try {
                Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
            } catch (AtomicMoveNotSupportedException e) {
                Files.move(temporary, file, StandardCopyOption.REPLACE_EXISTING);
            }
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    private static byte[] read(String name) throws IOException {
        try (InputStream in = DemoModel.class.getResourceAsStream("model/" + name)) {
            if (in == null) {
                throw new QuernException("demo: this build carries no trained model (" + name
                        + " is missing); make one with the command train-demo and name its directory");
            }
            return in.readAllBytes();
        }
    }

    /// Tells versions of the model apart; a checksum that native code computes, for the JVM is cold.
    private static String checksum(List<byte[]> contents) {
        CRC32 crc = new CRC32();
        contents.forEach(crc::update);
        return HexFormat.of().toHexDigits((int) crc.getValue());
    }

    private static Path cache() {
        String own = System.getenv("QUERN_CACHE");
        if (own != null) {
            return Path.of(own);
        }
        String shared = System.getenv("XDG_CACHE_HOME");
        return shared != null ? Path.of(shared, "quern") : Path.of(System.getProperty("user.home"), ".cache", "quern");
    }

    private static String reason(IOException e) {
        String reason = e instanceof FileSystemException f ? f.getReason() : e.getMessage();
        return reason == null ? e.getClass().getSimpleName() : reason;
    }
}
