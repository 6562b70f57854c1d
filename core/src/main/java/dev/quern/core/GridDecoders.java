package dev.quern.core;

import static dev.quern.core.BlockDecoders.half;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/// The scalar decoding of the blocks of 256 weights that name runs of magnitudes in a grid and add signs (the IQ2 and
/// IQ3 types): the oracle for every kernel. Layouts: docs/formats/gguf.md.
///
/// Each expression is evaluated in float in the order of the published decoder, so results agree to the bit.
final class GridDecoders {
    private GridDecoders() {}

    /// d, then for each 32 weights 8 bytes: four grid numbers, four times 7 sign bits, a 4-bit scale:
    /// `d · (½ + scale) · ¼ · ±grid`.
    static void iq2ExtraExtraSmall(MemorySegment data, long at, float[] target, int offset) {
        float d = half(data, at);
        for (int sub = 0; sub < 8; sub++) {
            long from = at + 2 + 8 * sub;
            int more = data.get(Tensor.INT, from + 4);
            float scale = d * (0.5f + (more >>> 28)) * 0.25f;
            for (int run = 0; run < 4; run++) {
                int signs = signs(more >>> 7 * run);
                int entry = unsigned(data, from + run);
                fill(BlockGrid.IQ2_XXS, entry, signs, scale, target, offset + 32 * sub + 8 * run);
            }
        }
    }

    /// d, for each 8 weights a short of 9 bits grid number and 7 sign bits, for each 16 weights a 4-bit scale:
    /// `d · (½ + scale) · ¼ · ±grid`.
    static void iq2ExtraSmall(MemorySegment data, long at, float[] target, int offset) {
        float d = half(data, at);
        for (int run = 0; run < 32; run++) {
            int both = Short.toUnsignedInt(data.get(Tensor.SHORT, at + 2 + 2 * run));
            float scale = d * (0.5f + nibble(data, at + 66, run / 2)) * 0.25f;
            fill(BlockGrid.IQ2_XS, both & 511, signs(both >> 9), scale, target, offset + 8 * run);
        }
    }

    /// d, for each 8 weights the lower 8 bits of a grid number, then as many bytes of signs, then the upper 2 bits of
    /// the numbers, for each 16 weights a 4-bit scale: `d · (½ + scale) · ¼ · ±grid`.
    static void iq2Small(MemorySegment data, long at, float[] target, int offset) {
        float d = half(data, at);
        for (int run = 0; run < 32; run++) {
            int high = unsigned(data, at + 66 + run / 4) >> 2 * (run % 4) & 3;
            int entry = unsigned(data, at + 2 + run) | high << 8;
            float scale = d * (0.5f + nibble(data, at + 74, run / 2)) * 0.25f;
            fill(BlockGrid.IQ2_S, entry, unsigned(data, at + 34 + run), scale, target, offset + 8 * run);
        }
    }

    /// d, for each 4 weights a grid number, then for each 32 weights an int of four times 7 sign bits and a 4-bit
    /// scale: `d · (½ + scale) · ½ · ±grid`.
    static void iq3ExtraExtraSmall(MemorySegment data, long at, float[] target, int offset) {
        float d = half(data, at);
        for (int run = 0; run < 64; run++) {
            int more = data.get(Tensor.INT, at + 66 + 4 * (run / 8));
            float scale = d * (0.5f + (more >>> 28)) * 0.5f;
            int signs = signs(more >>> 7 * (run % 8 / 2)) >> 4 * (run % 2);
            fill(BlockGrid.IQ3_XXS, unsigned(data, at + 2 + run), signs, scale, target, offset + 4 * run);
        }
    }

    /// d, for each 4 weights the lower 8 bits of a grid number, then their ninth bits, then for each 8 weights a byte
    /// of signs, then for each 32 weights a 4-bit scale: `d · (1 + 2 · scale) · ±grid`.
    static void iq3Small(MemorySegment data, long at, float[] target, int offset) {
        float d = half(data, at);
        for (int run = 0; run < 64; run++) {
            int ninth = unsigned(data, at + 66 + run / 8) >> run % 8 & 1;
            float scale = d * (1 + 2 * nibble(data, at + 106, run / 8));
            int signs = unsigned(data, at + 74 + run / 2) >> 4 * (run % 2);
            int entry = unsigned(data, at + 2 + run) | ninth << 8;
            fill(BlockGrid.IQ3_S, entry, signs, scale, target, offset + 4 * run);
        }
    }

    /// Seven sign bits and the eighth that makes their number even.
    private static int signs(int bits) {
        int seven = bits & 127;
        return seven | (Integer.bitCount(seven) & 1) << 7;
    }

    private static int nibble(MemorySegment data, long at, int index) {
        return data.get(JAVA_BYTE, at + index / 2) >> 4 * (index % 2) & 15;
    }

    private static int unsigned(MemorySegment data, long at) {
        return Byte.toUnsignedInt(data.get(JAVA_BYTE, at));
    }

    private static void fill(BlockGrid grid, int entry, int signs, float scale, float[] target, int offset) {
        for (int j = 0; j < grid.width(); j++) {
            float value = scale * grid.value(entry, j);
            target[offset + j] = (signs >> j & 1) == 0 ? value : -value;
        }
    }
}
