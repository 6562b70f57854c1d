package dev.quern.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class GroupedWeightTest {
    @Property(tries = 200)
    void packedCodesComeBack(
            @ForAll @IntRange(min = 0, max = 5) int kind,
            @ForAll @IntRange(min = 1, max = 9) int rows,
            @ForAll @IntRange(min = 1, max = 6) int blocks,
            @ForAll @IntRange(min = 1, max = 200) int groupSize,
            @ForAll long seed) {
        int bits = GroupedWeight.WIDTHS.get(kind);
        int cols = 32 * blocks;
        byte[] codes = codes(rows * cols, bits, seed);
        GroupedWeight weight = weight(rows, cols, bits, groupSize, codes, seed);
        byte[] row = new byte[cols];
        for (int r = 0; r < rows; r++) {
            weight.unpackCodes(r, row, 0);
            for (int c = 0; c < cols; c++) {
                assertThat(row[c]).isEqualTo(codes[r * cols + c]);
                assertThat((byte) weight.code(r, c)).isEqualTo(codes[r * cols + c]);
            }
        }
    }

    @Property(tries = 100)
    void eachWeightIsItsGroupsScaleTimesCodeMinusZeroPoint(
            @ForAll @IntRange(min = 0, max = 5) int kind,
            @ForAll @IntRange(min = 1, max = 70) int groupSize,
            @ForAll boolean ordered,
            @ForAll long seed) {
        int cols = 64;
        int rows = 3;
        byte[] codes = codes(rows * cols, GroupedWeight.WIDTHS.get(kind), seed);
        GroupedWeight weight = weight(rows, cols, GroupedWeight.WIDTHS.get(kind), groupSize, codes, seed);
        if (!ordered) {
            int groups = weight.groups();
            weight =
                    weight.withGroupIndex(new Random(seed).ints(cols, 0, groups).toArray());
        }
        float[] values = weight.unpack();
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < cols; c++) {
                int group = weight.group(c);
                float expected =
                        weight.scale(group, r) * (Byte.toUnsignedInt(codes[r * cols + c]) - weight.zeroPoint(group, r));
                assertThat(values[r * cols + c]).isEqualTo(expected);
            }
        }
    }

    @Test
    void threeBitCodesLieAcrossWordBoundariesAsPublished() {
        byte[] codes = new byte[32];
        codes[10] = 0b101;
        codes[21] = 0b110;
        GroupedWeight weight = weight(1, 32, 3, 32, codes, 1);
        // value 10: two bits on top of word 0, the third at the bottom of word 1; value 21: one bit, then two
        assertThat(weight.qweight().toInts()).containsExactly(0b01 << 30, 0b1, 0b11);
    }

    @Test
    void bytesCountEverythingThatTheLayoutStores() {
        GroupedWeight weight = weight(8, 64, 4, 32, new byte[8 * 64], 1);
        assertThat(weight.bytes()).isEqualTo(8 * 64 / 2 + 2 * 8 * 2 + 2 * 8 / 2 + 64 * 4);
        assertThat(weight.encoding()).isEqualTo("gptq-w4-g32");
    }

    @Test
    void inputsThatDoNotFillWordsAreRefused() {
        Tensor words = Tensor.of(new int[3], 3, 1);
        Tensor scales = Tensor.of(new float[1], 1, 1);
        assertThatThrownBy(() -> new GroupedWeight(1, 33, 3, 33, words, scales, new short[1]))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("33 inputs");
    }

    private static byte[] codes(int count, int bits, long seed) {
        byte[] codes = new byte[count];
        Random random = new Random(seed);
        for (int i = 0; i < count; i++) {
            codes[i] = (byte) random.nextInt(1 << bits);
        }
        return codes;
    }

    private static GroupedWeight weight(int rows, int cols, int bits, int groupSize, byte[] codes, long seed) {
        int groups = Math.ceilDiv(cols, groupSize);
        Random random = new Random(seed);
        float[] scales = new float[groups * rows];
        short[] zeroPoints = new short[groups * rows];
        for (int i = 0; i < scales.length; i++) {
            scales[i] = random.nextFloat() + 0.01f;
            zeroPoints[i] = (short) random.nextInt(1 << bits);
        }
        return GroupedWeight.pack(
                rows, cols, bits, groupSize, codes, Tensor.of(DType.F16, scales, groups, rows), zeroPoints);
    }
}
