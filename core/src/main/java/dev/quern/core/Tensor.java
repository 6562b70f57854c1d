package dev.quern.core;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Objects;

/// A dense array of one element type: a view of memory that somebody else owns (a file's map, an arena, a Java array).
///
/// Row-major, little endian, no alignment promised. No value equality is claimed. Reading after the owner closed
/// throws `IllegalStateException`.
public record Tensor(DType dtype, Shape shape, MemorySegment data) {
    /// Little endian views without an alignment demand: what files hold.
    public static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    public static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    public static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    public static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    public static final ValueLayout.OfDouble DOUBLE =
            ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    public Tensor {
        Objects.requireNonNull(dtype);
        long wanted = Math.multiplyExact(shape.count(), (long) dtype.bytes());
        if (data.byteSize() != wanted) {
            throw new IllegalArgumentException(
                    "a " + dtype + " tensor of shape " + shape + " takes " + wanted + " bytes, not " + data.byteSize());
        }
    }

    /// A tensor over a copy of `values`.
    public static Tensor of(float[] values, long... sizes) {
        MemorySegment data = MemorySegment.ofArray(new byte[Math.multiplyExact(values.length, 4)]);
        MemorySegment.copy(values, 0, data, FLOAT, 0, values.length);
        return new Tensor(DType.F32, new Shape(sizes), data);
    }

    /// A tensor over a copy of `values`.
    public static Tensor of(double[] values, long... sizes) {
        MemorySegment data = MemorySegment.ofArray(new byte[Math.multiplyExact(values.length, 8)]);
        MemorySegment.copy(values, 0, data, DOUBLE, 0, values.length);
        return new Tensor(DType.F64, new Shape(sizes), data);
    }

    /// A tensor over a copy of `values`.
    public static Tensor of(int[] values, long... sizes) {
        MemorySegment data = MemorySegment.ofArray(new byte[Math.multiplyExact(values.length, 4)]);
        MemorySegment.copy(values, 0, data, INT, 0, values.length);
        return new Tensor(DType.I32, new Shape(sizes), data);
    }

    /// An I8 tensor over a copy of `values`.
    public static Tensor of(byte[] values, long... sizes) {
        return new Tensor(DType.I8, new Shape(sizes), MemorySegment.ofArray(values.clone()));
    }

    /// A tensor of float type `dtype` over rounded (nearest even) copies of `values`.
    public static Tensor of(DType dtype, float[] values, long... sizes) {
        MemorySegment data = MemorySegment.ofArray(new byte[Math.multiplyExact(values.length, dtype.bytes())]);
        for (int i = 0; i < values.length; i++) {
            Floats.set(dtype, data, i, values[i]);
        }
        return new Tensor(dtype, new Shape(sizes), data);
    }

    /// Bytes of the data.
    public long bytes() {
        return data.byteSize();
    }

    /// One element widened to float; integer types convert by value.
    public float floatAt(long index) {
        return switch (dtype) {
            case F32 -> data.get(FLOAT, index * 4);
            case F16 -> Float.float16ToFloat(data.get(SHORT, index * 2));
            case BF16 -> Float.intBitsToFloat(data.get(SHORT, index * 2) << 16);
            case F64 -> (float) data.get(DOUBLE, index * 8);
            case I64 -> data.get(LONG, index * 8);
            case I32 -> data.get(INT, index * 4);
            case I16 -> data.get(SHORT, index * 2);
            case I8 -> data.get(JAVA_BYTE, index);
            case U8, BOOL -> Byte.toUnsignedInt(data.get(JAVA_BYTE, index));
        };
    }

    /// Widens elements `from` to `from + count` to float into `target`. Integer types convert by value.
    public void copyFloats(long from, float[] target, int offset, int count) {
        Objects.checkFromIndexSize(from, count, shape.count());
        switch (dtype) {
            case F32 -> MemorySegment.copy(data, FLOAT, from * 4, target, offset, count);
            case F16 -> {
                for (int i = 0; i < count; i++) {
                    target[offset + i] = Float.float16ToFloat(data.get(SHORT, (from + i) * 2));
                }
            }
            case BF16 -> {
                for (int i = 0; i < count; i++) {
                    target[offset + i] = Float.intBitsToFloat(data.get(SHORT, (from + i) * 2) << 16);
                }
            }
            case F64 -> {
                for (int i = 0; i < count; i++) {
                    target[offset + i] = (float) data.get(DOUBLE, (from + i) * 8);
                }
            }
            case I64 -> {
                for (int i = 0; i < count; i++) {
                    target[offset + i] = data.get(LONG, (from + i) * 8);
                }
            }
            case I32 -> {
                for (int i = 0; i < count; i++) {
                    target[offset + i] = data.get(INT, (from + i) * 4);
                }
            }
            case I16 -> {
                for (int i = 0; i < count; i++) {
                    target[offset + i] = data.get(SHORT, (from + i) * 2);
                }
            }
            case I8 -> {
                for (int i = 0; i < count; i++) {
                    target[offset + i] = data.get(JAVA_BYTE, from + i);
                }
            }
            case U8, BOOL -> {
                for (int i = 0; i < count; i++) {
                    target[offset + i] = Byte.toUnsignedInt(data.get(JAVA_BYTE, from + i));
                }
            }
        }
    }

    /// All elements as float; at most 2^31 − 1 of them.
    public float[] toFloats() {
        float[] values = new float[Math.toIntExact(shape.count())];
        copyFloats(0, values, 0, values.length);
        return values;
    }

    /// All elements of an I32 tensor.
    public int[] toInts() {
        if (dtype != DType.I32) {
            throw new IllegalArgumentException("expected I32, found " + dtype);
        }
        int[] values = new int[Math.toIntExact(shape.count())];
        MemorySegment.copy(data, INT, 0, values, 0, values.length);
        return values;
    }
}
