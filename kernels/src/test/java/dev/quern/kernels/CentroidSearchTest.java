package dev.quern.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CentroidSearchTest {
    @ParameterizedTest
    @CsvSource({"1, 3", "2, 16", "4, 1", "4, 256", "4, 500", "6, 64", "8, 33", "16, 256"})
    void theNearestCentroidIsFound(int length, int size) {
        Random random = new Random(length * 1000L + size);
        float[] centroids = SampleWeights.floats(size * length, random);
        CentroidSearch search = new CentroidSearch(centroids, length);
        float[] x = SampleWeights.floats(200 * length, random);
        for (int n = 0; n < 200; n++) {
            double found = distance(centroids, search.nearest(x, n * length), x, n * length, length);
            for (int i = 0; i < size; i++) {
                assertThat(found).isLessThanOrEqualTo(distance(centroids, i, x, n * length, length) + 1e-5);
            }
        }
    }

    @org.junit.jupiter.api.Test
    void ofEqualCentroidsTheFirstIsTaken() {
        float[] centroids = new float[64 * 4];
        java.util.Arrays.fill(centroids, 0.5f);
        assertThat(new CentroidSearch(centroids, 4).nearest(new float[] {1, 2, 3, 4}, 0))
                .isZero();
    }

    @org.junit.jupiter.api.Test
    void inputsThatAreNoNumbersStillGiveACentroid() {
        float[] centroids = SampleWeights.floats(64, new Random(3));
        assertThat(new CentroidSearch(centroids, 4).nearest(new float[] {Float.NaN, 0, 0, 0}, 0))
                .isBetween(0, 15);
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
