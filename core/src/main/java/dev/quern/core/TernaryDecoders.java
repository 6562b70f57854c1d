package dev.quern.core;

import static dev.quern.core.BlockDecoders.half;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/// The scalar decoding of the blocks of 256 weights of −1, 0 and 1 (IQ1, and TQ for networks trained to be so): the
/// oracle for every kernel. Layouts: docs/formats/gguf.md.
///
/// Each expression is evaluated in float in the order of the published decoder, so results agree to the bit.
final class TernaryDecoders {
    /// How far the IQ1 types shift a run off its grid.
    private static final float DELTA = 0.125f;

    private TernaryDecoders() {}

    /// d, for each 8 weights the lower 8 bits of a grid number, then for each 32 weights a short: four times 3 upper
    /// bits, a 3-bit scale, the shift's sign: `d · (2 · scale + 1) · (grid ± ⅛)`.
    static void iq1Small(MemorySegment data, long at, float[] target, int offset) {
        float d = half(data, at);
        for (int run = 0; run < 32; run++) {
            int more = Short.toUnsignedInt(data.get(Tensor.SHORT, at + 34 + 2 * (run / 4)));
            float scale = d * (2 * (more >> 12 & 7) + 1);
            int entry = unsigned(data, at + 2 + run) | (more >> 3 * (run % 4) & 7) << 8;
            fill(entry, (more & 0x8000) != 0, scale, target, offset + 8 * run);
        }
    }

    /// For each 8 weights the lower 8 bits of a grid number, then a nibble of 3 upper bits and the shift's sign, then
    /// four shorts of four 3-bit scales for 16 weights each, whose top nibbles are d:
    /// `d · (2 · scale + 1) · (grid ± ⅛)`.
    static void iq1Medium(MemorySegment data, long at, float[] target, int offset) {
        float d = iq1MediumUnit(data, at);
        for (int run = 0; run < 32; run++) {
            int more = unsigned(data, at + 32 + run / 2) >> 4 * (run % 2);
            float scale = d * (2 * iq1MediumScale(data, at, run / 2) + 1);
            fill(unsigned(data, at + run) | (more & 7) << 8, (more & 8) != 0, scale, target, offset + 8 * run);
        }
    }

    /// The float16 d that four shorts of scales hold in their top nibbles.
    static float iq1MediumUnit(MemorySegment data, long at) {
        int half = 0;
        for (int i = 0; i < 4; i++) {
            half |= (data.get(Tensor.SHORT, at + 48 + 2 * i) >> 12 & 15) << 4 * i;
        }
        return Float.float16ToFloat((short) half);
    }

    private static int iq1MediumScale(MemorySegment data, long at, int sixteen) {
        return data.get(Tensor.SHORT, at + 48 + 2 * (sixteen / 4)) >> 3 * (sixteen % 4) & 7;
    }

    /// 48 and 4 bytes of trits, five to a byte as the digits of a fraction, d: `d · (q − 1)`. Bytes of a run of 32, 16
    /// or 4 hold the first weights of the run in their first digits.
    static void tq1(MemorySegment data, long at, float[] target, int offset) {
        float d = half(data, at + 52);
        trits(data, at, 32, 5, d, target, offset);
        trits(data, at + 32, 16, 5, d, target, offset + 160);
        trits(data, at + 48, 4, 4, d, target, offset + 240);
    }

    private static void trits(MemorySegment data, long at, int bytes, int digits, float d, float[] target, int offset) {
        for (int j = 0; j < bytes; j++) {
            int fraction = unsigned(data, at + j);
            for (int digit = 0; digit < digits; digit++) {
                int trit = fraction * 3 >> 8;
                fraction = fraction * 3 & 0xFF;
                target[offset + digit * bytes + j] = (trit - 1) * d;
            }
        }
    }

    /// 64 bytes of 2-bit codes, d: `d · (q − 1)`.
    static void tq2(MemorySegment data, long at, float[] target, int offset) {
        float d = half(data, at + 64);
        for (int i = 0; i < 256; i++) {
            int code = data.get(JAVA_BYTE, at + 32 * (i / 128) + i % 32) >> 2 * (i % 128 / 32) & 3;
            target[offset + i] = (code - 1) * d;
        }
    }

    private static int unsigned(MemorySegment data, long at) {
        return Byte.toUnsignedInt(data.get(JAVA_BYTE, at));
    }

    private static void fill(int entry, boolean down, float scale, float[] target, int offset) {
        float delta = down ? -DELTA : DELTA;
        for (int j = 0; j < 8; j++) {
            target[offset + j] = scale * (BlockGrid.IQ1.value(entry, j) + delta);
        }
    }
}
