package dev.quern.core;

import java.lang.foreign.MemorySegment;

/// Rounding of a float to the storage types of weights and scales, nearest even as IEEE 754 has it.
public final class Floats {
    private Floats() {}

    /// `value` as it reads back after being stored as `dtype` (F32, F16 or BF16).
    public static float round(DType dtype, float value) {
        return switch (dtype) {
            case F32 -> value;
            case F16 -> Float.float16ToFloat(Float.floatToFloat16(value));
            case BF16 -> Float.intBitsToFloat(bfloat16(value) << 16);
            case F64, I64, I32, I16, I8, U8, BOOL -> throw new IllegalArgumentException("no float storage: " + dtype);
        };
    }

    /// Stores `value` as element `index` of type `dtype`.
    public static void set(DType dtype, MemorySegment data, long index, float value) {
        switch (dtype) {
            case F32 -> data.set(Tensor.FLOAT, index * 4, value);
            case F16 -> data.set(Tensor.SHORT, index * 2, Float.floatToFloat16(value));
            case BF16 -> data.set(Tensor.SHORT, index * 2, bfloat16(value));
            case F64 -> data.set(Tensor.DOUBLE, index * 8, value);
            case I64, I32, I16, I8, U8, BOOL -> throw new IllegalArgumentException("no float storage: " + dtype);
        }
    }

    /// The upper half of `value`'s bits, rounded to nearest even; NaN stays NaN.
    public static short bfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            return (short) ((bits >>> 16) | 0x40);
        }
        return (short) ((bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16);
    }
}
