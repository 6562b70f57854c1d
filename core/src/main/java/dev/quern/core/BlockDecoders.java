package dev.quern.core;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/// The scalar decoding of each GGUF block: the oracle for every kernel. Layouts: docs/formats/gguf.md.
final class BlockDecoders {
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

    /// d, 32 signed bytes: `d · q`.
    static void q8Zero(MemorySegment data, long at, float[] target, int offset) {
        float d = half(data, at);
        for (int j = 0; j < 32; j++) {
            target[offset + j] = d * data.get(JAVA_BYTE, at + 2 + j);
        }
    }

    private static float half(MemorySegment data, long at) {
        return Float.float16ToFloat(data.get(Tensor.SHORT, at));
    }
}
