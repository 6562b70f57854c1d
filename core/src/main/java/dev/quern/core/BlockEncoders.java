package dev.quern.core;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.util.Set;

/// Encodes float rows into GGUF blocks by the rounding that llama.cpp's reference encoder uses, byte for byte: the
/// codes
/// come from the unrounded scale, which is stored as float16.
public final class BlockEncoders {
    /// The types that can be encoded.
    public static final Set<BlockType> TYPES = Set.of(BlockType.Q4_0, BlockType.Q4_1, BlockType.Q8_0);

    private BlockEncoders() {}

    /// Encodes `values [rows, cols]`; throws `NumericException` where a value is not finite or too large for a
    /// float16 scale.
    public static BlockWeight encode(BlockType type, float[] values, int rows, int cols) {
        long rowBytes = BlockWeight.rowBytes(type, cols);
        MemorySegment data = MemorySegment.ofArray(new byte[Math.toIntExact(rowBytes * rows)]);
        BlockWeight weight = new BlockWeight(type, rows, cols, data);
        for (int row = 0; row < rows; row++) {
            encodeRow(type, values, row * cols, cols, data, row * rowBytes);
        }
        return weight;
    }

    /// Encodes `values[offset … offset + cols)` into `target` from byte `at`.
    public static void encodeRow(BlockType type, float[] values, int offset, int cols, MemorySegment target, long at) {
        for (int done = 0; done < cols; done += type.weights()) {
            requireFinite(type, values, offset + done, type.weights());
            switch (type) {
                case Q4_0 -> q4Zero(values, offset + done, target, at);
                case Q4_1 -> q4One(values, offset + done, target, at);
                case Q8_0 -> q8Zero(values, offset + done, target, at);
                case Q5_0,
                        Q5_1,
                        Q2_K,
                        Q3_K,
                        Q4_K,
                        Q5_K,
                        Q6_K,
                        IQ1_S,
                        IQ1_M,
                        IQ2_XXS,
                        IQ2_XS,
                        IQ2_S,
                        IQ3_XXS,
                        IQ3_S,
                        IQ4_NL,
                        IQ4_XS,
                        TQ1_0,
                        TQ2_0 ->
                    throw new UsageException(
                            "cannot write " + type + "; the types that can be written are Q8_0, Q4_0 and Q4_1");
            }
            at += type.bytes();
        }
    }

    private static void requireFinite(BlockType type, float[] values, int offset, int count) {
        for (int i = offset; i < offset + count; i++) {
            if (!Float.isFinite(values[i])) {
                throw new NumericException("weight " + i, "encoding as " + type, values[i] + " is not a finite number");
            }
        }
    }

    private static void q4Zero(float[] x, int offset, MemorySegment target, long at) {
        float extreme = 0;
        for (int j = 0; j < 32; j++) {
            if (Math.abs(x[offset + j]) > Math.abs(extreme)) {
                extreme = x[offset + j];
            }
        }
        float d = extreme / -8;
        float inverse = d == 0 ? 0 : 1 / d;
        storeHalf(target, at, d, BlockType.Q4_0);
        for (int j = 0; j < 16; j++) {
            int low = Math.min(15, (byte) (x[offset + j] * inverse + 8.5f));
            int high = Math.min(15, (byte) (x[offset + j + 16] * inverse + 8.5f));
            target.set(JAVA_BYTE, at + 2 + j, (byte) (low | high << 4));
        }
    }

    private static void q4One(float[] x, int offset, MemorySegment target, long at) {
        float min = Float.POSITIVE_INFINITY;
        float max = Float.NEGATIVE_INFINITY;
        for (int j = 0; j < 32; j++) {
            min = Math.min(min, x[offset + j]);
            max = Math.max(max, x[offset + j]);
        }
        float d = (max - min) / 15;
        float inverse = d == 0 ? 0 : 1 / d;
        storeHalf(target, at, d, BlockType.Q4_1);
        storeHalf(target, at + 2, min, BlockType.Q4_1);
        for (int j = 0; j < 16; j++) {
            int low = Math.min(15, (byte) ((x[offset + j] - min) * inverse + 0.5f));
            int high = Math.min(15, (byte) ((x[offset + j + 16] - min) * inverse + 0.5f));
            target.set(JAVA_BYTE, at + 4 + j, (byte) (low | high << 4));
        }
    }

    private static void q8Zero(float[] x, int offset, MemorySegment target, long at) {
        float most = 0;
        for (int j = 0; j < 32; j++) {
            most = Math.max(most, Math.abs(x[offset + j]));
        }
        float d = most / 127;
        float inverse = d == 0 ? 0 : 1 / d;
        storeHalf(target, at, d, BlockType.Q8_0);
        for (int j = 0; j < 32; j++) {
            target.set(JAVA_BYTE, at + 2 + j, (byte) roundHalfAway(x[offset + j] * inverse));
        }
    }

    /// C's roundf: halves go away from zero.
    private static int roundHalfAway(float value) {
        float whole = (float) Math.floor(Math.abs(value));
        int magnitude = (int) whole + (Math.abs(value) - whole >= 0.5f ? 1 : 0);
        return value < 0 ? -magnitude : magnitude;
    }

    private static void storeHalf(MemorySegment target, long at, float value, BlockType type) {
        short half = Float.floatToFloat16(value);
        if (!Float.isFinite(Float.float16ToFloat(half))) {
            throw new NumericException("a block", "encoding as " + type, value + " is too large for a float16 scale");
        }
        target.set(Tensor.SHORT, at, half);
    }
}
