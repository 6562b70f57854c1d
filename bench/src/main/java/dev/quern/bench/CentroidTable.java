package dev.quern.bench;

import dev.quern.kernels.CentroidScan;
import dev.quern.kernels.CentroidSearch;
import dev.quern.kernels.CentroidTree;
import dev.quern.kernels.VectorWidth;
import java.io.PrintStream;
import java.util.Arrays;
import java.util.Locale;
import java.util.Random;

/// Prints what finding the nearest centroid costs on one core, by looking at all of them and by a tree.
///
/// Centroids are those of a few rounds of k-means over normally distributed numbers, as a normalised matrix has them;
/// what is looked for is drawn alike. Both searches take turns, so a busy machine spoils the ratio little.
///
/// Arguments: shapes like `v8-k4096`; none means a table of the usual ones.
public final class CentroidTable {
    private static final int ROUNDS = 3;
    private static final int QUERIES = 256;

    private CentroidTable() {}

    /// Prints the table.
    public static void main(String[] shapes) {
        System.out.println("vectors: " + VectorWidth.describe() + "; one core, the fastest twentieth of many runs\n");
        String[] usual = {"v4-k256", "v4-k4096", "v4-k65536", "v8-k256", "v8-k4096", "v8-k65536"};
        for (String shape : shapes) {
            if (!shape.matches("v[1-9][0-9]?-k[1-9][0-9]{0,5}")) {
                System.err.println(
                        "bench: " + shape + " is no shape; write vectors of 8 and 4096 centroids as v8-k4096");
                System.exit(2);
            }
        }
        print(System.out, shapes.length == 0 ? usual : shapes, 0.5);
    }

    /// A row for each shape, each search measured for about `effort` seconds.
    static void print(PrintStream out, String[] shapes, double effort) {
        out.println("| shape | all, ns a vector | tree, ns a vector | × | making the tree, ms |");
        out.println("|---|---:|---:|---:|---:|");
        for (String shape : shapes) {
            String[] parts = shape.split("-k", 2);
            int length = Integer.parseInt(parts[0].substring(1));
            row(out, shape, centroids(Integer.parseInt(parts[1]), length), length, effort);
        }
    }

    private static void row(PrintStream out, String shape, float[] centroids, int length, double effort) {
        float[] x = normal(QUERIES * length, new Random(2));
        CentroidSearch scan = new CentroidScan(centroids, length);
        CentroidSearch tree = new CentroidTree(centroids, length);
        if (!Arrays.equals(found(scan, x, length), found(tree, x, length))) {
            throw new AssertionError(shape + ": the searches differ");
        }
        double all = Double.POSITIVE_INFINITY;
        double few = Double.POSITIVE_INFINITY;
        for (int turn = 0; turn < 5; turn++) {
            all = Math.min(all, SpeedTable.seconds(() -> found(scan, x, length), effort / 5));
            few = Math.min(few, SpeedTable.seconds(() -> found(tree, x, length), effort / 5));
        }
        double making = SpeedTable.seconds(() -> new CentroidTree(centroids, length), effort / 5);
        out.printf(
                Locale.ROOT,
                "| %s | %.0f | %.0f | %.1f | %.2f |%n",
                shape,
                all / QUERIES * 1e9,
                few / QUERIES * 1e9,
                all / few,
                making * 1e3);
    }

    private static int[] found(CentroidSearch search, float[] x, int length) {
        int[] found = new int[x.length / length];
        search.nearest(x, 0, found.length, found, 0);
        return found;
    }

    private static float[] normal(int count, Random random) {
        float[] numbers = new float[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = (float) random.nextGaussian();
        }
        return numbers;
    }

    private static float[] centroids(int size, int length) {
        Random random = new Random(1);
        float[] centroids = normal(size * length, random);
        float[] x = normal(8 * centroids.length, random);
        for (int round = 0; round < ROUNDS; round++) {
            int[] nearest = found(CentroidSearch.of(centroids, length), x, length);
            int[] members = new int[size];
            double[] sums = new double[centroids.length];
            for (int i = 0; i < nearest.length; i++) {
                members[nearest[i]]++;
                for (int t = 0; t < length; t++) {
                    sums[nearest[i] * length + t] += x[i * length + t];
                }
            }
            for (int i = 0; i < sums.length; i++) {
                int count = members[i / length];
                centroids[i] = count == 0 ? centroids[i] : (float) (sums[i] / count);
            }
        }
        return centroids;
    }
}
