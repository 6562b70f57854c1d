package dev.quern.formats;

import dev.quern.core.QuernException;
import dev.quern.core.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Lays out one GGUF file of version 3, each tensor padded to the alignment as llama.cpp expects.
final class GgufWriter {
    private static final int VERSION = 3;

    private final List<GgufPlan> plans;
    private final byte[] header;
    private final int alignment;

    GgufWriter(Map<String, ?> metadata, List<GgufPlan> plans) {
        this.plans = List.copyOf(plans);
        this.alignment = metadata.get("general.alignment") instanceof Number n ? n.intValue() : Gguf.ALIGNMENT;
        this.header = header(metadata);
    }

    /// Bytes of the whole file.
    long bytes() {
        long bytes = padded(header.length);
        for (GgufPlan plan : plans) {
            bytes += padded(plan.bytes());
        }
        return bytes;
    }

    void writeTo(OutputFile out) throws IOException {
        out.write(header);
        out.pad(alignment);
        for (GgufPlan plan : plans) {
            MemorySegment data = plan.data().get();
            if (data.byteSize() != plan.bytes()) {
                throw new IllegalStateException(
                        plan.name() + " was planned with " + plan.bytes() + " bytes and came with " + data.byteSize());
            }
            out.write(data);
            out.pad(alignment);
        }
    }

    private long padded(long bytes) {
        return Math.ceilDiv(bytes, (long) alignment) * alignment;
    }

    private byte[] header(Map<String, ?> metadata) {
        Encoder out = new Encoder();
        out.i32(GgufHeader.MAGIC);
        out.i32(VERSION);
        out.i64(plans.size());
        out.i64(metadata.size());
        metadata.forEach((key, value) -> {
            out.string(key);
            out.value(key, value);
        });
        long offset = 0;
        Set<String> names = new HashSet<>();
        for (GgufPlan plan : plans) {
            if (!names.add(plan.name())) {
                throw new QuernException("two tensors to be written are called " + plan.name());
            }
            out.string(plan.name());
            out.i32(plan.shape().rank());
            for (int i = plan.shape().rank() - 1; i >= 0; i--) {
                out.i64(plan.shape().sizes()[i]);
            }
            out.i32(plan.type().id());
            out.i64(offset);
            offset += padded(plan.bytes());
        }
        return out.bytes.toByteArray();
    }

    /// Little-endian values into memory.
    private static final class Encoder {
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private final MemorySegment scratch = MemorySegment.ofArray(new byte[8]);
        private final byte[] scratchBytes = (byte[]) scratch.heapBase().orElseThrow();

        void i32(int value) {
            scratch.set(Tensor.INT, 0, value);
            bytes.write(scratchBytes, 0, 4);
        }

        void i64(long value) {
            scratch.set(Tensor.LONG, 0, value);
            bytes.write(scratchBytes, 0, 8);
        }

        void f32(double value) {
            i32(Float.floatToRawIntBits((float) value));
        }

        void string(String value) {
            byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
            i64(utf8.length);
            bytes.writeBytes(utf8);
        }

        void value(String key, Object value) {
            switch (value) {
                case String s -> {
                    i32(GgufValue.STRING);
                    string(s);
                }
                case Boolean b -> {
                    i32(GgufValue.BOOL);
                    bytes.write(b ? 1 : 0);
                }
                case Integer i -> {
                    i32(GgufValue.I32.id());
                    i32(i);
                }
                case Long l -> {
                    boolean fits = l >= 0 && l <= 0xFFFF_FFFFL;
                    i32((fits ? GgufValue.U32 : GgufValue.I64).id());
                    whole(l, fits);
                }
                case Float f -> {
                    i32(GgufValue.F32.id());
                    f32(f);
                }
                case Double d -> {
                    i32(GgufValue.F32.id());
                    f32(d);
                }
                case GgufNumbers numbers -> {
                    arrayHead(numbers.type().id(), numbers.size());
                    bytes.writeBytes(numbers.data().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE));
                }
                case int[] ints -> {
                    arrayHead(GgufValue.I32.id(), ints.length);
                    for (int i : ints) {
                        i32(i);
                    }
                }
                case float[] floats -> {
                    arrayHead(GgufValue.F32.id(), floats.length);
                    for (float f : floats) {
                        f32(f);
                    }
                }
                case byte[] unsigned -> {
                    arrayHead(GgufValue.U8.id(), unsigned.length);
                    bytes.writeBytes(unsigned);
                }
                case List<?> list -> list(key, list);
                default ->
                    throw new IllegalArgumentException(
                            "metadata " + key + " of " + value.getClass().getSimpleName() + " has no GGUF type");
            }
        }

        private void whole(long value, boolean in32Bits) {
            if (in32Bits) {
                i32((int) value);
            } else {
                i64(value);
            }
        }

        private void arrayHead(int type, long count) {
            i32(GgufValue.ARRAY);
            i32(type);
            i64(count);
        }

        private void list(String key, List<?> list) {
            if (list.stream().allMatch(String.class::isInstance)) {
                arrayHead(GgufValue.STRING, list.size());
                list.forEach(s -> string((String) s));
            } else if (list.stream().allMatch(Boolean.class::isInstance)) {
                arrayHead(GgufValue.BOOL, list.size());
                list.forEach(b -> bytes.write((Boolean) b ? 1 : 0));
            } else if (list.stream().allMatch(v -> v instanceof Integer || v instanceof Long)) {
                boolean fits =
                        list.stream().mapToLong(v -> ((Number) v).longValue()).allMatch(l -> l == (int) l);
                arrayHead((fits ? GgufValue.I32 : GgufValue.I64).id(), list.size());
                list.forEach(v -> whole(((Number) v).longValue(), fits));
            } else if (list.stream().allMatch(v -> v instanceof Float || v instanceof Double)) {
                arrayHead(GgufValue.F32.id(), list.size());
                list.forEach(v -> f32(((Number) v).doubleValue()));
            } else {
                throw new IllegalArgumentException("metadata " + key + ": a list of mixed types");
            }
        }
    }
}
