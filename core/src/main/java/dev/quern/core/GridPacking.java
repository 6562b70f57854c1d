package dev.quern.core;

/// Lays the parts of a fitted block of 256 weights out as the IQ2 and IQ3 types hold them: the reverse of
/// `GridDecoders`. Blocks come zeroed.
final class GridPacking {
    private GridPacking() {}

    static void iq2ExtraExtraSmall(GridSuperFit fit, float d, byte[] block) {
        SuperBlockPacking.half(d, block, 0);
        for (int sub = 0; sub < 8; sub++) {
            int more = fit.scales[sub] << 28;
            for (int run = 0; run < 4; run++) {
                block[2 + 8 * sub + run] = (byte) fit.runs[4 * sub + run];
                more |= (fit.signs[4 * sub + run] & 127) << 7 * run;
            }
            whole(more, block, 6 + 8 * sub);
        }
    }

    static void iq2ExtraSmall(GridSuperFit fit, float d, byte[] block) {
        SuperBlockPacking.half(d, block, 0);
        for (int run = 0; run < 32; run++) {
            int both = fit.runs[run] | (fit.signs[run] & 127) << 9;
            block[2 + 2 * run] = (byte) both;
            block[3 + 2 * run] = (byte) (both >> 8);
        }
        nibbles(fit.scales, block, 66);
    }

    static void iq2Small(GridSuperFit fit, float d, byte[] block) {
        SuperBlockPacking.half(d, block, 0);
        for (int run = 0; run < 32; run++) {
            block[2 + run] = (byte) fit.runs[run];
            block[34 + run] = fit.signs[run];
            block[66 + run / 4] |= (byte) (fit.runs[run] >> 8 << 2 * (run % 4));
        }
        nibbles(fit.scales, block, 74);
    }

    static void iq3ExtraExtraSmall(GridSuperFit fit, float d, byte[] block) {
        SuperBlockPacking.half(d, block, 0);
        for (int run = 0; run < 64; run++) {
            block[2 + run] = (byte) fit.runs[run];
        }
        for (int sub = 0; sub < 8; sub++) {
            int more = fit.scales[sub] << 28;
            for (int eight = 0; eight < 4; eight++) {
                more |= (fit.signs[4 * sub + eight] & 127) << 7 * eight;
            }
            whole(more, block, 66 + 4 * sub);
        }
    }

    static void iq3Small(GridSuperFit fit, float d, byte[] block) {
        SuperBlockPacking.half(d, block, 0);
        for (int run = 0; run < 64; run++) {
            block[2 + run] = (byte) fit.runs[run];
            block[66 + run / 8] |= (byte) (fit.runs[run] >> 8 << run % 8);
        }
        System.arraycopy(fit.signs, 0, block, 74, 32);
        nibbles(fit.scales, block, 106);
    }

    private static void nibbles(int[] scales, byte[] block, int at) {
        for (int i = 0; i < scales.length; i++) {
            block[at + i / 2] |= (byte) (scales[i] << 4 * (i % 2));
        }
    }

    private static void whole(int value, byte[] block, int at) {
        for (int i = 0; i < 4; i++) {
            block[at + i] = (byte) (value >> 8 * i);
        }
    }
}
