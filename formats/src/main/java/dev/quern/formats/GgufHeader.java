package dev.quern.formats;

import dev.quern.core.Shape;
import dev.quern.core.UnsupportedModelException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Metadata and tensor list of one GGUF file, checked against the file's length before anything is allocated.
record GgufHeader(Map<String, Object> metadata, List<GgufTensor> tensors) {
    /// "GGUF" as a little-endian number.
    static final int MAGIC = 0x46554747;

    private static final int MAX_DIMS = 4;
    private static final int MAX_NAME = 65_535;
    private static final int MAX_ALIGNMENT = 1 << 30;
    /// Key length, an empty key's value type, a byte of value: no pair of key and value is shorter.
    private static final int LEAST_PAIR = 8 + 4 + 1;
    /// Name length, number of dimensions, type, offset.
    private static final int LEAST_TENSOR = 8 + 4 + 4 + 8;

    /// A tensor as the list has it, its offset still counted from the start of the data.
    private record Info(long seenAt, String name, Shape shape, GgufType type, long offset, long bytes) {}

    static GgufHeader read(MappedFile file) {
        GgufCursor in = new GgufCursor(file);
        checkVersion(in);
        long tensorCount = in.count("tensors", LEAST_TENSOR);
        long pairCount = in.count("metadata entries", LEAST_PAIR);
        Map<String, Object> metadata = new LinkedHashMap<>();
        for (long i = 0; i < pairCount; i++) {
            long at = in.position();
            String key = in.string("metadata key", MAX_NAME);
            Object value = in.value(key, in.u32("type of " + key));
            if (metadata.put(key, value) != null) {
                throw file.corrupt(at, "metadata key " + key + " occurs twice");
            }
        }
        int alignment = alignment(file, metadata);
        List<Info> infos = new ArrayList<>();
        Set<String> names = new HashSet<>();
        for (long i = 0; i < tensorCount; i++) {
            Info info = info(in, alignment);
            if (!names.add(info.name())) {
                throw file.corrupt(info.seenAt(), "tensor " + info.name() + " occurs twice");
            }
            infos.add(info);
        }
        long dataStart = Math.ceilDiv(in.position(), (long) alignment) * alignment;
        checkPlaces(file, infos, dataStart);
        return new GgufHeader(
                metadata,
                infos.stream()
                        .map(t -> new GgufTensor(t.name(), t.shape(), t.type(), dataStart + t.offset(), t.bytes()))
                        .toList());
    }

    private static void checkVersion(GgufCursor in) {
        MappedFile file = in.file();
        if (file.size() < 24) {
            throw file.corrupt(0, "not a GGUF file: it holds only " + file.size() + " bytes");
        }
        int magic = in.u32("magic");
        if (magic != MAGIC) {
            throw file.corrupt(
                    0,
                    "not a GGUF file: it begins with " + String.format("%08x", Integer.reverseBytes(magic))
                            + ", expected the letters GGUF");
        }
        int version = in.u32("version");
        if (version != 2 && version != 3) {
            boolean bigEndian = Integer.reverseBytes(version) == 2 || Integer.reverseBytes(version) == 3;
            throw new UnsupportedModelException(file.path() + ": "
                    + (bigEndian
                            ? "a big-endian GGUF file; convert it to little endian"
                            : "GGUF version " + Integer.toUnsignedString(version)
                                    + " is not read; versions 2 and 3 are"));
        }
    }

    private static int alignment(MappedFile file, Map<String, Object> metadata) {
        Object value = metadata.getOrDefault("general.alignment", (long) Gguf.ALIGNMENT);
        if (!(value instanceof Long bytes) || bytes <= 0 || bytes > MAX_ALIGNMENT || Long.bitCount(bytes) != 1) {
            throw file.corrupt(8, "general.alignment is " + value + ", expected a power of two");
        }
        return bytes.intValue();
    }

    private static Info info(GgufCursor in, int alignment) {
        MappedFile file = in.file();
        long at = in.position();
        String name = in.string("tensor name", MAX_NAME);
        int dims = in.u32("dimensions of " + name);
        if (dims < 0 || dims > MAX_DIMS) {
            throw file.corrupt(
                    at, "tensor " + name + " has " + Integer.toUnsignedString(dims) + " dimensions, at most 4 exist");
        }
        long[] sizes = new long[dims];
        for (int i = dims - 1; i >= 0; i--) {
            sizes[i] = in.i64("size of " + name);
            if (sizes[i] < 0) {
                throw file.corrupt(at, "tensor " + name + " has the size " + Long.toUnsignedString(sizes[i]));
            }
        }
        int id = in.u32("type of " + name);
        GgufType type = GgufType.of(id)
                .orElseThrow(() -> new UnsupportedModelException(
                        file.path() + ": tensor " + name + " has the unknown type " + Integer.toUnsignedString(id)));
        long offset = in.i64("offset of " + name);
        if (offset < 0 || offset % alignment != 0) {
            throw file.corrupt(
                    at,
                    "tensor " + name + " has the offset " + Long.toUnsignedString(offset) + ", no multiple of "
                            + alignment);
        }
        long row = dims == 0 ? 1 : sizes[dims - 1];
        if (row % type.weights() != 0) {
            throw file.corrupt(
                    at,
                    "tensor " + name + " has rows of " + row + ", which do not divide into " + type + " blocks of "
                            + type.weights());
        }
        try {
            Shape shape = new Shape(sizes);
            long bytes = Math.multiplyExact(shape.count() / type.weights(), (long) type.bytes());
            return new Info(at, name, shape, type, offset, bytes);
        } catch (ArithmeticException _) {
            throw file.corrupt(at, "tensor " + name + " has a shape of more than 2^63 bytes");
        }
    }

    private static void checkPlaces(MappedFile file, List<Info> infos, long dataStart) {
        long available = Math.max(0, file.size() - dataStart);
        List<Info> inOrder = new ArrayList<>(infos);
        inOrder.sort(Comparator.comparingLong(Info::offset).thenComparingLong(Info::bytes));
        long end = 0;
        for (Info info : inOrder) {
            if (info.offset() > available || info.bytes() > available - info.offset()) {
                throw file.corrupt(
                        info.seenAt(),
                        "tensor " + info.name() + " takes " + info.bytes() + " bytes from data byte " + info.offset()
                                + ", but the file holds only " + available
                                + " bytes of data: truncated or corrupt; fetch it again");
            }
            if (info.offset() < end && info.bytes() > 0) {
                throw file.corrupt(
                        info.seenAt(), "tensor " + info.name() + " overlaps the one that ends at data byte " + end);
            }
            end = Math.max(end, info.offset() + info.bytes());
        }
    }
}
