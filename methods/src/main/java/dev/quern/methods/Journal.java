package dev.quern.methods;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.QuernException;
import dev.quern.formats.Failures;
import dev.quern.formats.Json;
import dev.quern.formats.OutputLock;
import dev.quern.formats.Safetensors;
import dev.quern.formats.TensorPlan;
import dev.quern.formats.Written;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// The finished blocks (or epochs) of a run that may be killed at any time: a folder beside the output with one file of
/// tensors for each and a list of what is done, each line synced after the file it names.
///
/// The first line is the fingerprint of everything that shapes the result; a resume with another one is refused.
/// Holds
/// the folder's lock, so that a second process on the same output is refused.
final class Journal implements AutoCloseable {
    private static final String LIST = "journal.jsonl";
    private static final String UNDERWAY = "underway-";

    /// One finished block.
    record Entry(Path part, List<LayerReport> layers, List<BlockReport> blocks) {}

    private final Path folder;
    private final OutputLock lock;
    private final List<Entry> entries = new ArrayList<>();
    private @Nullable Path underway;
    private boolean begun;

    private Journal(Path folder, OutputLock lock) {
        this.folder = folder;
        this.lock = lock;
    }

    /// Where a run that writes `output` keeps its blocks.
    static Path folder(Path output) {
        Path absolute = output.toAbsolutePath().normalize();
        return absolute.resolveSibling(absolute.getFileName() + ".quern-work");
    }

    /// Opens or begins the journal of `output`.
    static Journal open(Path output, ObjectNode fingerprint, boolean resume, boolean overwrite) {
        Path folder = folder(output);
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw Failures.writing(folder, e);
        }
        Journal journal = new Journal(folder, OutputLock.ofDirectory(folder));
        try {
            if (!Files.exists(folder.resolve(LIST))) {
                journal.begin(fingerprint);
            } else if (resume) {
                journal.read(fingerprint);
            } else if (overwrite) {
                journal.clear();
                journal.begin(fingerprint);
            } else {
                throw new QuernException(
                        folder + ": holds an unfinished run; --resume continues it, --overwrite" + " begins anew");
            }
            return journal;
        } catch (IOException e) {
            journal.close();
            throw Failures.writing(folder, e);
        } catch (RuntimeException e) {
            journal.close();
            throw e;
        }
    }

    private void begin(ObjectNode fingerprint) throws IOException {
        begun = true;
        append(fingerprint);
    }

    private void read(ObjectNode fingerprint) throws IOException {
        List<String> lines = Files.readAllLines(folder.resolve(LIST));
        if (lines.isEmpty()) {
            begin(fingerprint);
            return;
        }
        JsonNode begun = parse(lines.getFirst());
        if (begun == null) {
            clear();
            begin(fingerprint);
            return;
        }
        requireSame(begun, fingerprint);
        for (String line : lines.subList(1, lines.size())) {
            JsonNode entry = parse(line);
            Path part =
                    entry == null ? folder : folder.resolve(entry.path("file").asText());
            if (entry == null
                    || !Files.isRegularFile(part)
                    || !Sha256.ofFile(part).equals(entry.path("sha256").asText())) {
                // cut short by the kill, or damaged since: the run goes on from here
                break;
            }
            List<LayerReport> layers = new ArrayList<>();
            entry.path("layers").forEach(layer -> layers.add(LayerReport.ofJson(layer)));
            List<BlockReport> blocks = new ArrayList<>();
            entry.path("blocks").forEach(block -> blocks.add(BlockReport.ofJson(block)));
            entries.add(new Entry(part, layers, blocks));
        }
        rewrite(lines.subList(0, entries.size() + 1));
        readUnderway();
    }

    /// Finds what `underway` wrote last: its name holds its sum. Anything else of that kind is cut short or old.
    private void readUnderway() throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, UNDERWAY + "*")) {
            for (Path file : files) {
                if (underway == null && file.getFileName().toString().equals(UNDERWAY + Sha256.ofFile(file))) {
                    underway = file;
                } else {
                    Files.delete(file);
                }
            }
        }
    }

    private static @Nullable JsonNode parse(String line) {
        try {
            return Json.mapper().readTree(line);
        } catch (JsonProcessingException e) {
            return null;
        }
    }

    private void requireSame(JsonNode begun, ObjectNode now) {
        for (Map.Entry<String, JsonNode> property : now.properties()) {
            String was = begun.path(property.getKey()).toString();
            if (!was.equals(property.getValue().toString())) {
                throw new QuernException(
                        folder + ": the unfinished run began with another " + property.getKey() + " (" + was + ", now "
                                + property.getValue() + "); resume with the same, or --overwrite to begin anew");
            }
        }
    }

    /// Drops the lines of damaged blocks.
    private void rewrite(List<String> lines) throws IOException {
        Path next = folder.resolve(LIST + ".new");
        Files.write(next, (String.join("\n", lines) + "\n").getBytes(StandardCharsets.UTF_8));
        try (FileChannel channel = FileChannel.open(next, StandardOpenOption.WRITE)) {
            channel.force(true);
        }
        Files.move(next, folder.resolve(LIST), StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    }

    private void append(JsonNode line) throws IOException {
        try (FileChannel channel =
                FileChannel.open(folder.resolve(LIST), StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
            ByteBuffer bytes = ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8));
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            channel.force(true);
        }
    }

    /// Where the finished model lies until it is turned into the single file `output`.
    Path directory(Path output) {
        String name = String.valueOf(output.getFileName());
        return folder.resolve(name.substring(0, name.lastIndexOf('.')));
    }

    /// The finished blocks, in order.
    List<Entry> entries() {
        return List.copyOf(entries);
    }

    /// Writes a finished block; when this returns it survives a kill.
    void add(
            List<TensorPlan> tensors,
            Map<String, String> metadata,
            List<LayerReport> layers,
            List<BlockReport> blocks) {
        Path part = folder.resolve(String.format(Locale.ROOT, "block-%05d.safetensors", entries.size()));
        Written written = Safetensors.write(part, tensors, metadata);
        ObjectNode line =
                Json.object().put("file", part.getFileName().toString()).put("sha256", written.sha256());
        ArrayNode array = line.putArray("layers");
        layers.forEach(layer -> array.add(layer.toJson()));
        ArrayNode done = line.putArray("blocks");
        blocks.forEach(block -> done.add(block.toJson()));
        try {
            append(line);
        } catch (IOException e) {
            throw Failures.writing(folder, e);
        }
        entries.add(new Entry(part, List.copyOf(layers), List.copyOf(blocks)));
    }

    /// Where the block (or epoch) after the finished ones stands, as a file of tensors; empty where that is not kept.
    Optional<Path> underway() {
        return Optional.ofNullable(underway);
    }

    /// Keeps where the block (or epoch) after the finished ones stands, instead of what was kept before.
    void underway(List<TensorPlan> tensors, Map<String, String> metadata) {
        Path next = folder.resolve("next.safetensors");
        Written written = Safetensors.write(next, tensors, metadata);
        Path before = underway;
        Path now = folder.resolve(UNDERWAY + written.sha256());
        try {
            Files.move(next, now, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
            if (before != null && !before.equals(now)) {
                Files.delete(before);
            }
        } catch (IOException e) {
            throw Failures.writing(folder, e);
        }
        underway = now;
    }

    private void clear() throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                if (!file.equals(folder) && !file.equals(folder.resolve(".quern-lock"))) {
                    Files.delete(file);
                }
            }
        }
    }

    /// Removes the folder after the output is complete.
    void discard() {
        try {
            clear();
            lock.close();
            try (Stream<Path> files = Files.walk(folder)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.deleteIfExists(file);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Lets go of the output. Where this run finished no block there is nothing to go on from: the folder goes too.
    @Override
    public void close() {
        if (begun && entries.isEmpty() && underway == null) {
            discard();
        }
        lock.close();
    }
}
