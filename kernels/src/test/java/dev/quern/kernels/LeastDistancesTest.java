package dev.quern.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LeastDistancesTest {
    @ParameterizedTest
    @CsvSource({
        "1, 1, 1",
        "1, 300, 1",
        "4, 5000, 1",
        "4, 5000, 1e-21",
        "8, 4097, 1",
        "8, 700, 1e15",
        "16, 2000, 1",
        "64, 100, 1"
    })
    void distancesAreThoseOfComparingAllWithAll(int length, int count, float spread) {
        Random random = new Random(length * 31L + count);
        float[] vectors = numbers(count * length, spread, random);
        float[] points = numbers(60 * length, spread, random);
        // some of the vectors themselves, one of them twice
        System.arraycopy(vectors, 0, points, 10 * length, length);
        System.arraycopy(vectors, 0, points, 20 * length, length);
        double[] wanted = new double[count];
        Arrays.fill(wanted, Double.POSITIVE_INFINITY);
        LeastDistances distances = new LeastDistances(vectors, length);
        for (int point = 0; point < 60; point++) {
            BitSet nearer = new BitSet();
            for (int i = 0; i < count; i++) {
                double squared = 0;
                for (int t = 0; t < length; t++) {
                    double gap = (double) vectors[i * length + t] - points[point * length + t];
                    squared += gap * gap;
                }
                nearer.set(i, squared < wanted[i]);
                wanted[i] = Math.min(wanted[i], squared);
            }
            BitSet lowered = new BitSet();
            distances.add(points, point * length, lowered::set);
            assertThat(lowered).isEqualTo(nearer);
        }
        for (int i = 0; i < count; i++) {
            assertThat(distances.of(i)).isEqualTo(wanted[i]);
        }
    }

    private static float[] numbers(int count, float spread, Random random) {
        float[] numbers = new float[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = spread * (float) random.nextGaussian();
        }
        return numbers;
    }
}
