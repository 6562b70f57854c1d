package dev.quern.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class VectorWeightTest {
    @Property(tries = 200)
    void packedNumbersOfAnyWidthComeBack(
            @ForAll @IntRange(min = 1, max = 32) int bits,
            @ForAll @IntRange(min = 1, max = 5) int rows,
            @ForAll @IntRange(min = 1, max = 71) int count,
            @ForAll long seed) {
        Random random = new Random(seed);
        int[] numbers = new int[rows * count];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = (int) (random.nextLong() & ((1L << bits) - 1));
        }
        int[] packed = PackedBits.pack(numbers, rows, count, bits);
        assertThat(packed).hasSize(rows * PackedBits.words(count, bits));
        Tensor tensor = Tensor.of(packed, rows, PackedBits.words(count, bits));
        int[] found = new int[count];
        for (int row = 0; row < rows; row++) {
            PackedBits.unpackRow(tensor, row, count, bits, found, 0);
            for (int i = 0; i < count; i++) {
                assertThat(found[i]).isEqualTo(numbers[row * count + i]);
            }
        }
    }

    @Test
    void threeBitsAreLaidOutLowestFirstAcrossWords() {
        // 11 numbers of 3 bits: the 11th has two bits on top of the first word and one in the second
        int[] numbers = {1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 5};
        int[] packed = PackedBits.pack(numbers, 1, 11, 3);
        long expected = 0;
        for (int i = 0; i < 11; i++) {
            expected |= (long) numbers[i] << (3 * i);
        }
        assertThat(packed).containsExactly((int) expected, (int) (expected >>> 32));
    }

    @Test
    void aVectorRunsAlongTheOutputsOfOneColumn() {
        // 3 outputs are padded to two vectors of 2; k = 4
        Codebook main = book(2, 0, 1, 10, 11, 20, 21, 30, 31);
        Tensor indices = Tensor.of(PackedBits.pack(new int[] {3, 1, 2, 0}, 2, 2, 2), 1, 2, 1);
        VectorWeight weight = plain(3, 2, main, null, indices, null);
        assertThat(weight.unpack()).containsExactly(30, 10, 31, 11, 20, 0);
        assertThat(weight.encoding()).isEqualTo("vptq-v2-k4");
        // two words of indices, eight centroid numbers of 16 bits
        assertThat(weight.bytes()).isEqualTo(8 + 16);
        assertThat(weight.bitsPerWeight()).isEqualTo(8.0 * 24 / 6);
    }

    @Test
    void theResidualIndexLiesAboveTheMainOne() {
        Codebook main = book(2, 0, 0, 1, 2);
        Codebook residual = book(2, 0, 0, 0.25f, 0.5f, 0.75f, 1, 4, 8);
        int word = 1 | 3 << 1;
        Tensor indices = Tensor.of(PackedBits.pack(new int[] {word}, 1, 1, 3), 1, 1, 1);
        VectorWeight weight = plain(2, 1, main, residual, indices, null);
        assertThat(weight.unpack()).containsExactly(5, 10);
        assertThat(weight.encoding()).isEqualTo("vptq-v2-k2-4");
    }

    @Test
    void placesArePermutedAndThenScaled() {
        Codebook main = book(1, 1, 2, 3, 4);
        Tensor indices = Tensor.of(PackedBits.pack(new int[] {0, 1, 2}, 1, 3, 2), 1, 1, 1);
        VectorWeight weight = new VectorWeight(
                1,
                3,
                main,
                null,
                null,
                0,
                indices,
                null,
                VectorWeight.unsigned(new int[] {2, 0, 1}, 3),
                Tensor.of(DType.F16, new float[] {10, 100, 1000}, 3),
                Tensor.of(DType.F16, new float[] {0.5f, 0.25f, 0}, 3));
        // place 0 holds column 2, place 1 column 0, place 2 column 1
        assertThat(weight.unpack()).containsExactly(20.5f, 300.25f, 1000);
    }

    @Test
    void outlierColumnsComeFirstAndHaveTheirOwnBook() {
        Codebook main = book(2, 0, 1, 2, 3);
        Codebook outlier = book(1, 7, 8, 9);
        Tensor indices = Tensor.of(PackedBits.pack(new int[] {1, 0, 0, 1}, 2, 2, 1), 1, 2, 1);
        Tensor outlierIndices = VectorWeight.unsigned(new int[] {2, 1, 0}, 1, 3, 1);
        VectorWeight weight = new VectorWeight(
                3,
                3,
                main,
                null,
                outlier,
                1,
                indices,
                outlierIndices,
                VectorWeight.unsigned(new int[] {1, 0, 2}, 3),
                null,
                null);
        assertThat(weight.unpack()).containsExactly(2, 9, 0, 3, 8, 1, 0, 7, 2);
        assertThat(weight.encoding()).isEqualTo("vptq-v2-k2-o1");
    }

    @Test
    void eachGroupOfColumnsHasItsOwnBook() {
        Codebook main = new Codebook(2, 2, 1, Tensor.of(DType.F16, new float[] {1, 2, 30, 40}, 2, 2));
        Tensor indices = Tensor.of(PackedBits.pack(new int[] {0, 1, 0, 1}, 2, 2, 1), 2, 1, 1);
        assertThat(plain(1, 4, main, null, indices, null).unpack()).containsExactly(1, 2, 30, 40);
    }

    /// The worked example of docs: 4096 × 4096, v = 8, k = 256 is 1.002 bits a weight.
    @Test
    void codebooksCountInBitsPerWeight() {
        int n = 4096;
        Codebook main = Codebook.of(DType.F16, new float[256 * 8], 8);
        VectorWeight weight = plain(n, n, main, null, Tensor.of(new int[n / 8 * n / 4], 1, n / 8, n / 4), null);
        assertThat(weight.bitsPerWeight()).isCloseTo(1.002, within(0.0005));
    }

    @Test
    void fieldsThatDoNotAgreeAreRefused() {
        Codebook main = book(2, 0, 1, 2, 3);
        Tensor indices = Tensor.of(new int[2], 1, 2, 1);
        assertThatThrownBy(() -> plain(9, 2, main, null, indices, null))
                .hasMessageContaining("indices are I32 [1, 2, 1], expected I32 [1, 5, 1]");
        assertThatThrownBy(() -> plain(3, 2, main, null, indices, VectorWeight.unsigned(new int[] {1, 1}, 2)))
                .hasMessageContaining("perm is no permutation");
        assertThatThrownBy(() -> plain(3, 2, book(2, 0, 1, 2, 3, 4, 5), null, indices, null))
                .hasMessageContaining("power of two");
    }

    private static VectorWeight plain(
            int rows, int cols, Codebook main, @Nullable Codebook residual, Tensor indices, @Nullable Tensor order) {
        return new VectorWeight(rows, cols, main, residual, null, 0, indices, null, order, null, null);
    }

    private static Codebook book(int length, float... values) {
        return Codebook.of(DType.F16, values, length);
    }
}
