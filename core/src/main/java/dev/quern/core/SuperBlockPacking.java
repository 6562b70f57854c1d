package dev.quern.core;

/// Lays the parts of a fitted block of 256 weights out as the k types and IQ4_XS hold them: the reverse of
/// `SuperBlockDecoders`. Blocks come zeroed.
final class SuperBlockPacking {
    private SuperBlockPacking() {}

    static void q2(MinimumSuperFit fit, byte[] block) {
        for (int sub = 0; sub < 16; sub++) {
            block[sub] = (byte) (fit.scales[sub] | fit.minima[sub] << 4);
        }
        for (int i = 0; i < 256; i++) {
            block[16 + 32 * (i / 128) + i % 32] |= (byte) (fit.codes[i] << 2 * (i % 128 / 32));
        }
        half(fit.unit, block, 80);
        half(fit.minimumUnit, block, 82);
    }

    static void q3(SignedSuperFit fit, float unit, byte[] block) {
        for (int i = 0; i < 256; i++) {
            int code = fit.levels[i] + 4;
            block[i % 32] |= (byte) (code >> 2 << i / 32);
            block[32 + 32 * (i / 128) + i % 32] |= (byte) ((code & 3) << 2 * (i % 128 / 32));
        }
        for (int sub = 0; sub < 16; sub++) {
            int scale = fit.scales[sub] + 32;
            block[96 + sub % 8] |= (byte) ((scale & 15) << 4 * (sub / 8));
            block[104 + sub % 4] |= (byte) (scale >> 4 << 2 * (sub / 4));
        }
        half(unit, block, 108);
    }

    static void q4(MinimumSuperFit fit, byte[] block) {
        scalesAndMinima(fit, block);
        nibbles(fit.codes, block, 16);
    }

    static void q5(MinimumSuperFit fit, byte[] block) {
        scalesAndMinima(fit, block);
        nibbles(fit.codes, block, 48);
        for (int i = 0; i < 256; i++) {
            block[16 + i % 32] |= (byte) (fit.codes[i] >> 4 << i / 32);
        }
    }

    static void q6(SignedSuperFit fit, float unit, byte[] block) {
        for (int i = 0; i < 256; i++) {
            int code = fit.levels[i] + 32;
            int quarter = i % 128 / 32;
            block[64 * (i / 128) + 32 * (quarter & 1) + i % 32] |= (byte) ((code & 15) << 4 * (quarter / 2));
            block[128 + 32 * (i / 128) + i % 32] |= (byte) (code >> 4 << 2 * quarter);
        }
        for (int sub = 0; sub < 16; sub++) {
            block[192 + sub] = (byte) fit.scales[sub];
        }
        half(unit, block, 208);
    }

    static void iq4(SignedSuperFit fit, float unit, byte[] block) {
        half(unit, block, 0);
        for (int sub = 0; sub < 8; sub++) {
            int scale = fit.scales[sub] + 32;
            block[2 + sub / 4] |= (byte) (scale >> 4 << 2 * (sub % 4));
            block[4 + sub / 2] |= (byte) ((scale & 15) << 4 * (sub % 2));
            for (int j = 0; j < 16; j++) {
                int low = BlockDecoders.nonLinear(fit.levels[32 * sub + j]);
                int high = BlockDecoders.nonLinear(fit.levels[32 * sub + j + 16]);
                block[8 + 16 * sub + j] = (byte) (low | high << 4);
            }
        }
    }

    private static void nibbles(byte[] codes, byte[] block, int at) {
        for (int i = 0; i < 256; i++) {
            block[at + 32 * (i / 64) + i % 32] |= (byte) ((codes[i] & 15) << 4 * (i / 32 % 2));
        }
    }

    private static void scalesAndMinima(MinimumSuperFit fit, byte[] block) {
        half(fit.unit, block, 0);
        half(fit.minimumUnit, block, 2);
        for (int sub = 0; sub < 4; sub++) {
            int scale = fit.scales[sub + 4];
            int minimum = fit.minima[sub + 4];
            block[4 + sub] = (byte) (fit.scales[sub] | scale >> 4 << 6);
            block[8 + sub] = (byte) (fit.minima[sub] | minimum >> 4 << 6);
            block[12 + sub] = (byte) (scale & 15 | (minimum & 15) << 4);
        }
    }

    /// Stores a float16; throws `NumericException` where it cannot hold `value`.
    static void half(float value, byte[] block, int at) {
        short half = Float.floatToFloat16(value);
        if (!Float.isFinite(Float.float16ToFloat(half))) {
            throw new NumericException("a block", "encoding", value + " is too large for a float16 scale");
        }
        block[at] = (byte) half;
        block[at + 1] = (byte) (half >> 8);
    }
}
