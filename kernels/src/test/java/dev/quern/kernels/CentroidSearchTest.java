package dev.quern.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CentroidSearchTest {
    private static List<CentroidSearch> searches(float[] centroids, int length) {
        return VectorWidth.SCALAR
                ? List.of(new CentroidScan(centroids, length))
                : List.of(new CentroidScan(centroids, length), new CentroidTree(centroids, length));
    }

    @ParameterizedTest
    @CsvSource({"1, 3", "2, 16", "4, 1", "4, 256", "4, 500", "6, 64", "8, 33", "16, 256", "4, 5000", "8, 4096"})
    void theNearestCentroidIsFound(int length, int size) {
        Random random = new Random(length * 1000L + size);
        float[] centroids = SampleWeights.floats(size * length, random);
        float[] x = SampleWeights.floats(50 * length, random);
        for (CentroidSearch search : searches(centroids, length)) {
            for (int n = 0; n < 50; n++) {
                double found = distance(centroids, search.nearest(x, n * length), x, n * length, length);
                for (int i = 0; i < size; i++) {
                    assertThat(found).isLessThanOrEqualTo(distance(centroids, i, x, n * length, length) + 1e-5);
                }
            }
        }
    }

    /// All lengths, sizes that are powers of two and that are none, far and near, few distinct values and many.
    @Test
    void everySearchGivesTheIndexThatThePlainLoopGives() {
        Random random = new Random(1);
        for (int length = 1; length <= 16; length++) {
            for (int size : new int[] {1, 15, 16, 17, 255, 256, 700, 2048, 3001}) {
                for (Kind kind : Kind.values()) {
                    assertSame(kind, size, length, random);
                }
            }
        }
    }

    private static void assertSame(Kind kind, int size, int length, Random random) {
        float[] centroids = kind.numbers(size * length, random);
        float[] x = kind.numbers(30 * length, random);
        // a centroid itself, and what lies halfway between two
        System.arraycopy(centroids, (size - 1) * length, x, 0, length);
        for (int t = 0; t < length; t++) {
            x[length + t] = (centroids[t] + centroids[(size - 1) * length + t]) / 2;
        }
        int[] wanted = IntStream.range(0, 30)
                .map(n -> plain(centroids, length, x, n * length))
                .toArray();
        for (CentroidSearch search : searches(centroids, length)) {
            int[] found = IntStream.range(0, 30)
                    .map(n -> search.nearest(x, n * length))
                    .toArray();
            int[] together = new int[30];
            search.nearest(x, length, 29, together, 1);
            assertThat(Arrays.copyOfRange(together, 1, 30))
                    .as("together: %s, %d of %d numbers, %s", search.getClass(), size, length, kind)
                    .isEqualTo(Arrays.copyOfRange(wanted, 1, 30));
            assertThat(found)
                    .as("%s, %d of %d numbers, %s", search.getClass(), size, length, kind)
                    .isEqualTo(wanted);
        }
    }

    private enum Kind {
        NORMAL,
        /// Many centroids are equal, many as near as others.
        GRID,
        /// Distances that rounding decides.
        FAR,
        TINY,
        /// Squares overflow.
        HUGE,
        WITH_INFINITIES;

        float[] numbers(int count, Random random) {
            float[] numbers = new float[count];
            for (int i = 0; i < count; i++) {
                float number = (float) random.nextGaussian();
                numbers[i] = switch (this) {
                    case NORMAL -> number;
                    case GRID -> Math.round(number);
                    case FAR -> 1000 + number / 1000;
                    case TINY -> number * 1e-21f;
                    case HUGE -> number * 1e20f;
                    case WITH_INFINITIES ->
                        random.nextInt(40) > 0 ? number : random.nextBoolean() ? Float.NaN : number / 0f;
                };
            }
            return numbers;
        }
    }

    @ParameterizedTest
    @CsvSource({"64, 4", "3000, 4", "3000, 16"})
    void ofEqualCentroidsTheFirstIsTaken(int size, int length) {
        float[] centroids = new float[size * length];
        Arrays.fill(centroids, 0.5f);
        for (CentroidSearch search : searches(centroids, length)) {
            assertThat(search.nearest(new float[length], 0)).isZero();
        }
    }

    @Test
    void inputsThatAreNoNumbersStillGiveACentroid() {
        float[] centroids = SampleWeights.floats(64, new Random(3));
        for (CentroidSearch search : searches(centroids, 4)) {
            assertThat(search.nearest(new float[] {Float.NaN, 0, 0, 0}, 0)).isBetween(0, 15);
        }
    }

    @Test
    void largeBooksAreSearchedByATree() {
        assertThat(CentroidSearch.of(new float[4 * 256], 4)).isInstanceOf(CentroidScan.class);
        assertThat(CentroidSearch.of(new float[4 * 4096], 4))
                .isInstanceOf(VectorWidth.SCALAR ? CentroidScan.class : CentroidTree.class);
    }

    /// The first of the smallest `‖c‖² / 2 − x·c`, in float32.
    private static int plain(float[] centroids, int length, float[] x, int at) {
        float best = Float.POSITIVE_INFINITY;
        int found = 0;
        for (int i = 0; i < centroids.length / length; i++) {
            double square = 0;
            for (int t = 0; t < length; t++) {
                square += (double) centroids[i * length + t] * centroids[i * length + t];
            }
            float score = (float) (square / 2);
            for (int t = 0; t < length; t++) {
                score = Math.fma(-x[at + t], centroids[i * length + t], score);
            }
            if (score < best) {
                best = score;
                found = i;
            }
        }
        return found;
    }

    private static double distance(float[] centroids, int index, float[] x, int at, int length) {
        double sum = 0;
        for (int t = 0; t < length; t++) {
            double gap = (double) x[at + t] - centroids[index * length + t];
            sum += gap * gap;
        }
        return sum;
    }
}
