package dev.quern.models;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.quern.core.BlockType;
import dev.quern.core.BlockWeight;
import dev.quern.core.DType;
import dev.quern.core.Floats;
import dev.quern.core.GroupedWeight;
import dev.quern.core.QuernException;
import dev.quern.core.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// The same codes in the GPTQ packing and in GGUF blocks of 32.
///
/// `s · (q − 8)` of 4 bits is a Q4_0 block, `s · (q − 128)` of 8 bits a Q8_0 block, and any 4-bit group a Q4_1 block
/// whose
/// minimum is `−s · z` rounded to float16. A group of several blocks gives its scale to each. Back, a Q4_1 block fits
/// where its minimum is that of a whole zero point.
final class GroupedBlocks {
    private static final int BLOCK = 32;

    private GroupedBlocks() {}

    /// True where each group of `weight` is one or several blocks of `type` with the same codes.
    static boolean fit(GroupedWeight weight, BlockType type) {
        boolean groupsAreBlocks =
                weight.groupSize() % BLOCK == 0 && weight.cols() % BLOCK == 0 && weight.groupIndex() == null;
        return groupsAreBlocks
                && switch (type) {
                    case Q4_0 -> weight.bits() == 4 && allZeroPoints(weight, 8);
                    case Q4_1 -> weight.bits() == 4;
                    // 0 would be −128, which a Q8_0 byte holds as well
                    case Q8_0 -> weight.bits() == 8 && allZeroPoints(weight, 128);
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
                            TQ2_0 -> false;
                };
    }

    private static boolean allZeroPoints(GroupedWeight weight, int value) {
        for (short z : weight.zeroPoints()) {
            if (z != value) {
                return false;
            }
        }
        return true;
    }

    /// Writes the blocks of a weight that fits.
    static void copy(GroupedWeight weight, BlockType type, MemorySegment target) {
        byte[] codes = new byte[weight.cols()];
        long at = 0;
        for (int row = 0; row < weight.rows(); row++) {
            weight.unpackCodes(row, codes, 0);
            for (int block = 0; block < weight.cols() / BLOCK; block++) {
                int group = block * BLOCK / weight.groupSize();
                float scale = weight.scale(group, row);
                Floats.set(DType.F16, target.asSlice(at), 0, scale);
                long data = at + 2;
                if (type == BlockType.Q4_1) {
                    Floats.set(DType.F16, target.asSlice(data), 0, -scale * weight.zeroPoint(group, row));
                    data += 2;
                }
                copyCodes(codes, block * BLOCK, type, target, data);
                at += type.bytes();
            }
        }
    }

    private static void copyCodes(byte[] codes, int from, BlockType type, MemorySegment target, long at) {
        if (type == BlockType.Q8_0) {
            for (int j = 0; j < BLOCK; j++) {
                target.set(JAVA_BYTE, at + j, (byte) (Byte.toUnsignedInt(codes[from + j]) - 128));
            }
            return;
        }
        for (int j = 0; j < 16; j++) {
            target.set(JAVA_BYTE, at + j, (byte) (codes[from + j] | codes[from + j + 16] << 4));
        }
    }

    /// The GPTQ packing of Q4_0, Q4_1 or Q8_0 blocks.
    static GroupedWeight grouped(String module, BlockWeight weight) {
        int bits = switch (weight.type()) {
            case Q4_0, Q4_1 -> 4;
            case Q8_0 -> 8;
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
                throw new QuernException(module + ": " + weight.type()
                        + " blocks are no groups of one scale and one zero point, as Q4_0, Q4_1 and Q8_0 are");
        };
        int groups = weight.cols() / BLOCK;
        byte[] codes = new byte[Math.multiplyExact(weight.rows(), weight.cols())];
        float[] scales = new float[Math.multiplyExact(groups, weight.rows())];
        short[] zeroPoints = new short[scales.length];
        Arrays.fill(zeroPoints, (short) (1 << (bits - 1)));
        boolean minimum = weight.type() == BlockType.Q4_1;
        long at = 0;
        for (int row = 0; row < weight.rows(); row++) {
            for (int group = 0; group < groups; group++) {
                int to = group * weight.rows() + row;
                scales[to] = Float.float16ToFloat(weight.data().get(Tensor.SHORT, at));
                if (minimum) {
                    float least = Float.float16ToFloat(weight.data().get(Tensor.SHORT, at + 2));
                    zeroPoints[to] = zeroPoint(module, scales[to], least);
                }
                readCodes(weight, at + (minimum ? 4 : 2), codes, row * weight.cols() + group * BLOCK);
                at += weight.type().bytes();
            }
        }
        Tensor stored = Tensor.of(DType.F16, scales, groups, weight.rows());
        return GroupedWeight.pack(weight.rows(), weight.cols(), bits, BLOCK, codes, stored, zeroPoints);
    }

    /// The whole number of steps that `minimum` lies below 0; a step of 0 has none but for a minimum of 0.
    private static short zeroPoint(String module, float scale, float minimum) {
        for (int zero = 0; zero < 16; zero++) {
            if (Floats.round(DType.F16, -scale * zero) == minimum) {
                return (short) zero;
            }
        }
        throw new QuernException(module + ": a Q4_1 block begins at " + minimum
                + ", which is no whole number of its steps of " + scale + ": it has no zero point");
    }

    private static void readCodes(BlockWeight weight, long at, byte[] codes, int to) {
        if (weight.type() == BlockType.Q8_0) {
            for (int j = 0; j < BLOCK; j++) {
                codes[to + j] = (byte) (weight.data().get(JAVA_BYTE, at + j) + 128);
            }
            return;
        }
        for (int j = 0; j < 16; j++) {
            int pair = weight.data().get(JAVA_BYTE, at + j);
            codes[to + j] = (byte) (pair & 15);
            codes[to + j + 16] = (byte) ((pair >> 4) & 15);
        }
    }
}
