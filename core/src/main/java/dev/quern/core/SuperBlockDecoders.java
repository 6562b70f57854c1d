package dev.quern.core;

import static dev.quern.core.BlockDecoders.half;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/// The scalar decoding of the blocks of 256 weights with quantized scales (the k types): the oracle for every
/// kernel. Layouts: docs/formats/gguf.md.
///
/// Each expression is evaluated in float in the order of the published decoder, so results agree to the bit.
final class SuperBlockDecoders {
    private SuperBlockDecoders() {}

    /// 16 sub-blocks of 16: 16 bytes of scale (low nibble) and minimum (high), 64 bytes of 2-bit codes, d, dmin:
    /// `d · scale · q − dmin · minimum`.
    static void q2(MemorySegment data, long at, float[] target, int offset) {
        float d = half(data, at + 80);
        float dmin = half(data, at + 82);
        for (int sub = 0; sub < 16; sub++) {
            int packed = data.get(JAVA_BYTE, at + sub);
            float scale = d * (packed & 15);
            float minimum = dmin * ((packed >> 4) & 15);
            // each half of 128 weights takes 32 bytes; a sub-block reads half of them, at its own pair of bits
            long codes = at + 16 + 32 * (sub / 8) + 16 * (sub & 1);
            int shift = 2 * ((sub & 7) / 2);
            for (int j = 0; j < 16; j++) {
                int code = (data.get(JAVA_BYTE, codes + j) >> shift) & 3;
                target[offset + sub * 16 + j] = scale * code - minimum;
            }
        }
    }

    /// 16 sub-blocks of 16: 32 bytes of third bits, 64 bytes of 2-bit codes, 12 bytes of 6-bit scales, d:
    /// `d · (scale − 32) · (q − 4)`, q with its third bit.
    static void q3(MemorySegment data, long at, float[] target, int offset) {
        float d = half(data, at + 108);
        for (int sub = 0; sub < 16; sub++) {
            float scale = d * (q3Scale(data, at + 96, sub) - 32);
            long codes = at + 32 + 32 * (sub / 8) + 16 * (sub & 1);
            long thirds = at + 16 * (sub & 1);
            int shift = 2 * ((sub & 7) / 2);
            int thirdShift = sub / 2;
            for (int j = 0; j < 16; j++) {
                int code = (data.get(JAVA_BYTE, codes + j) >> shift) & 3;
                int third = (data.get(JAVA_BYTE, thirds + j) >> thirdShift) & 1;
                target[offset + sub * 16 + j] = scale * (code - (third == 0 ? 4 : 0));
            }
        }
    }

    /// Scale `sub`: low 4 bits in the nibbles of bytes 0–7 (scales 0–7 low, 8–15 high), upper 2 bits in bytes 8–11.
    private static int q3Scale(MemorySegment data, long scales, int sub) {
        int low = (data.get(JAVA_BYTE, scales + (sub & 7)) >> 4 * (sub / 8)) & 15;
        int high = (data.get(JAVA_BYTE, scales + 8 + (sub & 3)) >> 2 * (sub / 4)) & 3;
        return low | high << 4;
    }

    /// 8 sub-blocks of 32: d, dmin, 12 bytes of 6-bit scales and minima, 128 bytes of nibbles:
    /// `d · scale · q − dmin · minimum`.
    static void q4(MemorySegment data, long at, float[] target, int offset) {
        float d = half(data, at);
        float dmin = half(data, at + 2);
        for (int sub = 0; sub < 8; sub++) {
            float scale = d * scale(data, at + 4, sub);
            float minimum = dmin * minimum(data, at + 4, sub);
            long codes = at + 16 + 32 * (sub / 2);
            int shift = 4 * (sub & 1);
            for (int j = 0; j < 32; j++) {
                int code = (data.get(JAVA_BYTE, codes + j) >> shift) & 15;
                target[offset + sub * 32 + j] = scale * code - minimum;
            }
        }
    }

    /// As q4, with 32 bytes of fifth bits (bit = sub-block) before the nibbles.
    static void q5(MemorySegment data, long at, float[] target, int offset) {
        float d = half(data, at);
        float dmin = half(data, at + 2);
        for (int sub = 0; sub < 8; sub++) {
            float scale = d * scale(data, at + 4, sub);
            float minimum = dmin * minimum(data, at + 4, sub);
            long codes = at + 48 + 32 * (sub / 2);
            int shift = 4 * (sub & 1);
            for (int j = 0; j < 32; j++) {
                int fifth = (data.get(JAVA_BYTE, at + 16 + j) >> sub) & 1;
                int code = (data.get(JAVA_BYTE, codes + j) >> shift) & 15 | fifth << 4;
                target[offset + sub * 32 + j] = scale * code - minimum;
            }
        }
    }

    /// 16 sub-blocks of 16: 128 bytes of low nibbles, 64 bytes of upper bit pairs, 16 signed scales, d:
    /// `d · scale · (q − 32)`.
    static void q6(MemorySegment data, long at, float[] target, int offset) {
        float d = half(data, at + 208);
        for (int i = 0; i < 256; i++) {
            int half = i / 128;
            int quarter = (i & 127) / 32;
            int j = i & 31;
            int low = (data.get(JAVA_BYTE, at + 64 * half + 32 * (quarter & 1) + j) >> 4 * (quarter / 2)) & 15;
            int high = (data.get(JAVA_BYTE, at + 128 + 32 * half + j) >> 2 * quarter) & 3;
            int scale = data.get(JAVA_BYTE, at + 192 + i / 16);
            target[offset + i] = d * scale * ((low | high << 4) - 32);
        }
    }

    /// 6-bit scale `sub` of the 12 bytes that q4 and q5 share.
    private static int scale(MemorySegment data, long s, int sub) {
        if (sub < 4) {
            return data.get(JAVA_BYTE, s + sub) & 63;
        }
        return (data.get(JAVA_BYTE, s + sub + 4) & 15) | ((data.get(JAVA_BYTE, s + sub - 4) >> 6) & 3) << 4;
    }

    /// 6-bit minimum `sub` of the same.
    private static int minimum(MemorySegment data, long s, int sub) {
        if (sub < 4) {
            return data.get(JAVA_BYTE, s + sub + 4) & 63;
        }
        return ((data.get(JAVA_BYTE, s + sub + 4) >> 4) & 15) | ((data.get(JAVA_BYTE, s + sub) >> 6) & 3) << 4;
    }
}
