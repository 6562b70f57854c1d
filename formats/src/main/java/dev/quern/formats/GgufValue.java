package dev.quern.formats;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.quern.core.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;

/// The number types of GGUF metadata; the other types are named by their ids.
enum GgufValue {
    U8(0, 1),
    I8(1, 1),
    U16(2, 2),
    I16(3, 2),
    U32(4, 4),
    I32(5, 4),
    F32(6, 4),
    U64(10, 8),
    I64(11, 8),
    F64(12, 8);

    static final int BOOL = 7;
    static final int STRING = 8;
    static final int ARRAY = 9;

    private final int id;
    private final int bytes;

    GgufValue(int id, int bytes) {
        this.id = id;
        this.bytes = bytes;
    }

    int id() {
        return id;
    }

    int bytes() {
        return bytes;
    }

    static Optional<GgufValue> of(int id) {
        return Arrays.stream(values()).filter(v -> v.id == id).findFirst();
    }

    /// Long, Double, or BigInteger for a u64 above 2^63.
    Number read(MemorySegment data, long at) {
        return switch (this) {
            case U8 -> (long) Byte.toUnsignedInt(data.get(JAVA_BYTE, at));
            case I8 -> (long) data.get(JAVA_BYTE, at);
            case U16 -> (long) Short.toUnsignedInt(data.get(Tensor.SHORT, at));
            case I16 -> (long) data.get(Tensor.SHORT, at);
            case U32 -> Integer.toUnsignedLong(data.get(Tensor.INT, at));
            case I32 -> (long) data.get(Tensor.INT, at);
            case F32 -> (double) data.get(Tensor.FLOAT, at);
            case U64 -> GgufCursor.unsigned(data.get(Tensor.LONG, at));
            case I64 -> data.get(Tensor.LONG, at);
            case F64 -> data.get(Tensor.DOUBLE, at);
        };
    }
}
