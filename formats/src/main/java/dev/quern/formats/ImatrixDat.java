package dev.quern.formats;

import dev.quern.core.QuernException;
import dev.quern.core.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// llama.cpp's older file of an importance matrix.
///
/// i32 number of entries; each: i32 length and bytes of the name, i32 runs, i32 number of values, the values in
/// float32:
/// mean squares times runs; then i32 number of chunks, i32 length and bytes of the text's name (both may be absent).
/// Everything is little endian.
final class ImatrixDat {
    private static final int MAX_NAME = 4096;

    private final MappedFile file;
    private long at;

    private ImatrixDat(MappedFile file) {
        this.file = file;
    }

    static Imatrix read(Path path) {
        try (Arena arena = Arena.ofConfined()) {
            return new ImatrixDat(MappedFile.map(path, arena)).read();
        }
    }

    private Imatrix read() {
        int count = i32("number of entries");
        if (count < 1 || count > file.size() / 12) {
            throw file.corrupt(0, "not an importance matrix: it claims " + count + " entries");
        }
        Map<String, Imatrix.Entry> entries = new LinkedHashMap<>();
        for (int i = 0; i < count; i++) {
            String name = string("name of entry " + i);
            int runs = i32("runs of " + name);
            int size = i32("size of " + name);
            if (runs < 1 || size < 1 || size > (file.size() - at) / 4) {
                throw file.corrupt(at - 8, name + " claims " + runs + " runs and " + size + " values");
            }
            float[] sums = new float[size];
            MemorySegment.copy(file.data(), Tensor.FLOAT, take(4L * size, name), sums, 0, size);
            Imatrix.check(file.path(), name, sums, runs);
            if (entries.put(name, new Imatrix.Entry(sums, runs)) != null) {
                throw file.corrupt(at, name + " occurs twice");
            }
        }
        int chunks = at < file.size() ? i32("number of chunks") : 0;
        List<String> datasets = at < file.size() ? List.of(string("name of the text")) : List.of();
        return new Imatrix(entries, datasets, Math.max(0, chunks), 0);
    }

    private int i32(String what) {
        return file.data().get(Tensor.INT, take(4, what));
    }

    private String string(String what) {
        int length = i32("length of the " + what);
        if (length < 0 || length > MAX_NAME) {
            throw file.corrupt(at - 4, "the " + what + " claims " + length + " bytes; not an importance matrix");
        }
        byte[] bytes = file.data().asSlice(take(length, what), length).toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private long take(long bytes, String what) {
        if (bytes > file.size() - at) {
            throw file.corrupt(at, what + " needs " + bytes + " bytes but the file ends; fetch or make it again");
        }
        long from = at;
        at += bytes;
        return from;
    }

    static void write(Imatrix matrix, Path path) {
        int runs = Math.max(1, matrix.chunks());
        byte[] text = String.join(", ", matrix.datasets()).getBytes(StandardCharsets.UTF_8);
        long bytes = 4 + 4 + 4 + text.length;
        for (Map.Entry<String, Imatrix.Entry> e : matrix.entries().entrySet()) {
            bytes += 12
                    + e.getKey().getBytes(StandardCharsets.UTF_8).length
                    + 4L * e.getValue().sums().length;
        }
        MemorySegment data = MemorySegment.ofArray(new byte[Math.toIntExact(bytes)]);
        long at = put(data, 0, matrix.entries().size());
        for (Map.Entry<String, Imatrix.Entry> e : matrix.entries().entrySet()) {
            at = put(data, at, e.getKey().getBytes(StandardCharsets.UTF_8));
            at = put(data, put(data, at, runs), e.getValue().sums().length);
            for (float mean : e.getValue().means()) {
                data.set(Tensor.FLOAT, at, mean * runs);
                at += 4;
            }
        }
        put(data, put(data, at, matrix.chunks()), text);
        if (text.length > MAX_NAME) {
            throw new QuernException(path + ": the names of the texts take " + text.length + " bytes, too many");
        }
        AtomicOutput.write(path, bytes, out -> out.write(data));
    }

    private static long put(MemorySegment data, long at, int value) {
        data.set(Tensor.INT, at, value);
        return at + 4;
    }

    private static long put(MemorySegment data, long at, byte[] bytes) {
        MemorySegment.copy(MemorySegment.ofArray(bytes), 0, data, put(data, at, bytes.length), bytes.length);
        return at + 4 + bytes.length;
    }
}
