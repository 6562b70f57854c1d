package dev.quern.methods;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SeedDrawTest {
    /// k-means++ as it is written down: every vector is compared with every new seed.
    private static float[] plain(float[] x, double[] weight, int length, int size, SplittableRandom random) {
        float[] seeds = new float[size * length];
        double[] distance = new double[weight.length];
        Arrays.fill(distance, Double.POSITIVE_INFINITY);
        int chosen = random.nextInt(weight.length);
        for (int i = 0; i < size; i++) {
            System.arraycopy(x, chosen * length, seeds, i * length, length);
            double total = 0;
            for (int s = 0; s < weight.length; s++) {
                double sum = 0;
                for (int t = 0; t < length; t++) {
                    double gap = (double) x[s * length + t] - seeds[i * length + t];
                    sum += gap * gap;
                }
                distance[s] = Math.min(distance[s], sum);
                total += weight[s] * distance[s];
            }
            double left = random.nextDouble() * total;
            chosen = 0;
            while (chosen < weight.length - 1 && (left -= weight[chosen] * distance[chosen]) > 0) {
                chosen++;
            }
        }
        return seeds;
    }

    @ParameterizedTest
    @CsvSource({
        "1, 40, 2000, 1",
        "2, 64, 4096, 2",
        "4, 256, 5000, 3",
        "8, 300, 3001, 4",
        "16, 20, 700, 5",
        "4, 7, 7, 6",
        "3, 1500, 9000, 7"
    })
    void seedsAreThoseOfComparingAllWithAll(int length, int size, int count, long seed) {
        Random random = new Random(seed);
        float[] x = new float[count * length];
        for (int i = 0; i < x.length; i++) {
            x[i] = (float) random.nextGaussian();
        }
        double[] weight = random.doubles(count, 0.1, 3).toArray();
        assertThat(new SeedDraw(x, weight, length).run(size, new SplittableRandom(seed)))
                .containsExactly(plain(x, weight, length, size, new SplittableRandom(seed)));
    }

    @ParameterizedTest
    @CsvSource({"3, 600", "50, 20", "8, 1"})
    void moreSeedsThanDistinctVectorsAreDrawnToo(int size, int count) {
        float[] x = new float[count * 2];
        for (int i = 0; i < x.length; i++) {
            x[i] = i / 2 % 2;
        }
        double[] weight = new double[count];
        Arrays.fill(weight, 1);
        assertThat(new SeedDraw(x, weight, 2).run(size, new SplittableRandom(1)))
                .containsExactly(plain(x, weight, 2, size, new SplittableRandom(1)));
    }
}
