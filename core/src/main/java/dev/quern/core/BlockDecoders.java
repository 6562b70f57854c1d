package dev.quern.core;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// The scalar decoding of the blocks of 32 weights: the oracle for every kernel. Layouts: docs/formats/gguf.md.
///
/// Each expression is evaluated in float in the order of the published decoder, so results agree to the bit.
final class BlockDecoders {
    /// The 16 values of the non-linear 4-bit types.
    private static final byte[] NON_LINEAR = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

    private BlockDecoders() {}

    /// d, 16 bytes of nibbles (low: weight j, high: weight j + 16): `d · (q − 8)`.
    static void q4Zero(MemorySegment data, long at, float[] target, int offset) {
        float d = half(data, at);
        for (int j = 0; j < 16; j++) {
            int pair = data.get(JAVA_BYTE, at + 2 + j);
            target[offset + j] = d * ((pair & 15) - 8);
            target[offset + j + 16] = d * (((pair >> 4) & 15) - 8);
        }
    }

    /// d, m, 16 bytes of nibbles: `d · q + m`.
    static void q4One(MemorySegment data, long at, float[] target, int offset) {
        float d = half(data, at);
        float m = half(data, at + 2);
        for (int j = 0; j < 16; j++) {
            int pair = data.get(JAVA_BYTE, at + 4 + j);
            target[offset + j] = d * (pair & 15) + m;
            target[offset + j + 16] = d * ((pair >> 4) & 15) + m;
        }
    }

    /// d, fifth bits in an int (bit j: weight j), 16 bytes of nibbles: `d · (q − 16)`.
    static void q5Zero(MemorySegment data, long at, float[] target, int offset) {
        float d = half(data, at);
        int high = data.get(Tensor.INT, at + 2);
        for (int j = 0; j < 16; j++) {
            int pair = data.get(JAVA_BYTE, at + 6 + j);
            target[offset + j] = d * (((pair & 15) | ((high >>> j) & 1) << 4) - 16);
            target[offset + j + 16] = d * ((((pair >> 4) & 15) | ((high >>> (j + 16)) & 1) << 4) - 16);
        }
    }

    /// d, m, fifth bits, 16 bytes of nibbles: `d · q + m`.
    static void q5One(MemorySegment data, long at, float[] target, int offset) {
        float d = half(data, at);
        float m = half(data, at + 2);
        int high = data.get(Tensor.INT, at + 4);
        for (int j = 0; j < 16; j++) {
            int pair = data.get(JAVA_BYTE, at + 8 + j);
            target[offset + j] = d * ((pair & 15) | ((high >>> j) & 1) << 4) + m;
            target[offset + j + 16] = d * (((pair >> 4) & 15) | ((high >>> (j + 16)) & 1) << 4) + m;
        }
    }

    /// d, 32 signed bytes: `d · q`.
    static void q8Zero(MemorySegment data, long at, float[] target, int offset) {
        float d = half(data, at);
        for (int j = 0; j < 32; j++) {
            target[offset + j] = d * data.get(JAVA_BYTE, at + 2 + j);
        }
    }

    /// d, 16 bytes of nibbles that index the table: `d · table[q]`.
    static void iq4NonLinear(MemorySegment data, long at, float[] target, int offset) {
        float d = half(data, at);
        for (int j = 0; j < 16; j++) {
            int pair = data.get(JAVA_BYTE, at + 2 + j);
            target[offset + j] = d * NON_LINEAR[pair & 15];
            target[offset + j + 16] = d * NON_LINEAR[(pair >> 4) & 15];
        }
    }

    /// 8 sub-blocks of 32: d, upper 2 bits of the scales in a short, lower 4 bits in 4 bytes, 128 bytes of nibbles:
    /// `d · (scale − 32) · table[q]`.
    static void iq4Small(MemorySegment data, long at, float[] target, int offset) {
        float d = half(data, at);
        int scalesHigh = data.get(Tensor.SHORT, at + 2);
        for (int sub = 0; sub < 8; sub++) {
            int low = (data.get(JAVA_BYTE, at + 4 + sub / 2) >> 4 * (sub & 1)) & 15;
            int scale = low | ((scalesHigh >> 2 * sub) & 3) << 4;
            float step = d * (scale - 32);
            for (int j = 0; j < 16; j++) {
                int pair = data.get(JAVA_BYTE, at + 8 + sub * 16 + j);
                target[offset + sub * 32 + j] = step * NON_LINEAR[pair & 15];
                target[offset + sub * 32 + j + 16] = step * NON_LINEAR[(pair >> 4) & 15];
            }
        }
    }

    /// The 16 values of the non-linear 4-bit types, rising.
    static int[] nonLinear() {
        int[] levels = new int[NON_LINEAR.length];
        for (int i = 0; i < levels.length; i++) {
            levels[i] = NON_LINEAR[i];
        }
        return levels;
    }

    /// The code of one of these values.
    static int nonLinear(int value) {
        return Arrays.binarySearch(NON_LINEAR, (byte) value);
    }

    static float half(MemorySegment data, long at) {
        return Float.float16ToFloat(data.get(Tensor.SHORT, at));
    }
}
