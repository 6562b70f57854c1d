package dev.quern.core;

import java.util.function.IntUnaryOperator;

/// Fits and lays out blocks of 32 weights with one scale, and for some types a minimum, in float16.
final class PlainBlockFit {
    private static final int SIZE = 32;

    private PlainBlockFit() {}

    /// `d · level`: Q4_0 and Q5_0, whose codes are levels above the lowest.
    static BlockSearch.Encoder levels(LevelFit fit, int bits) {
        return levels(fit, bits, level -> level - fit.low());
    }

    /// `d · table[q]`: IQ4_NL.
    static BlockSearch.Encoder table() {
        return levels(new LevelFit(BlockDecoders.nonLinear()), 4, BlockDecoders::nonLinear);
    }

    private static BlockSearch.Encoder levels(LevelFit fit, int bits, IntUnaryOperator code) {
        byte[] codes = new byte[SIZE];
        return (x, w, block) -> {
            float d = SignedSuperFit.half(fit.fit(x, w, 0, SIZE));
            fit.levels(d, x, 0, SIZE, codes);
            for (int i = 0; i < SIZE; i++) {
                codes[i] = (byte) code.applyAsInt(codes[i]);
            }
            SuperBlockPacking.half(d, block, 0);
            pack(codes, bits, block, 2);
        };
    }

    /// `d · q + m`: Q4_1 and Q5_1.
    static BlockSearch.Encoder range(RangeFit fit, int bits) {
        byte[] codes = new byte[SIZE];
        return (x, w, block) -> {
            fit.fit(x, w, 0, SIZE);
            float d = SignedSuperFit.half(fit.scale());
            float m = SignedSuperFit.half(fit.minimum());
            fit.codes(d, m, x, 0, SIZE, codes);
            SuperBlockPacking.half(d, block, 0);
            SuperBlockPacking.half(m, block, 2);
            pack(codes, bits, block, 4);
        };
    }

    /// Fifth bits where there are some, then nibbles.
    private static void pack(byte[] codes, int bits, byte[] block, int at) {
        if (bits == 5) {
            for (int i = 0; i < SIZE; i++) {
                block[at + i / 8] |= (byte) (codes[i] >> 4 << i % 8);
            }
            at += 4;
        }
        for (int j = 0; j < SIZE / 2; j++) {
            block[at + j] = (byte) (codes[j] & 15 | (codes[j + SIZE / 2] & 15) << 4);
        }
    }
}
