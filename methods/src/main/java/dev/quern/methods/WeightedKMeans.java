package dev.quern.methods;

import dev.quern.kernels.CentroidSearch;
import java.util.Arrays;
import java.util.SplittableRandom;

/// Weighted k-means (Lloyd) over short vectors: `Σ w·‖x − c‖²` falls with every round.
///
/// Seeds are drawn as k-means++ does, by weight times squared distance, on a sample; the best of
/// `restarts` is kept. Clusters that become empty move to the vectors that lose most. Sums are float64
/// in strips of fixed length, so results depend on the seed and not on the number of threads.
final class WeightedKMeans {
    /// Vectors of a task.
    private static final int STRIP = 4096;

    /// Vectors per centroid that seeds are drawn from.
    private static final int SAMPLE = 64;

    /// A round that gains less than this share ends the search.
    private static final double GAIN = 1e-5;

    private final float[] x;
    private final double[] weight;
    private final int length;
    private final int count;
    private final Parallel parallel;
    private final Phases phases;
    private final int[] nearest;
    private final double[] lost;

    /// `x [count, length]`, a weight for each.
    WeightedKMeans(float[] x, double[] weight, int length, Parallel parallel, Phases phases) {
        this.x = x;
        this.weight = weight;
        this.length = length;
        this.count = weight.length;
        this.parallel = parallel;
        this.phases = phases;
        this.nearest = new int[count];
        this.lost = new double[count];
    }

    /// `size` centroids, `[size, length]`: the best of `restarts` searches of at most `rounds` rounds.
    float[] run(int size, int rounds, int restarts, long seed) {
        float[] best = new float[size * length];
        double least = Double.POSITIVE_INFINITY;
        for (int attempt = 0; attempt < Math.max(1, restarts); attempt++) {
            SplittableRandom random = new SplittableRandom(seed + 7919L * attempt);
            float[] centroids = phases.call("k-means seeds", () -> seeds(size, random));
            double loss = phases.call("k-means rounds", () -> lloyd(centroids, size, rounds));
            if (loss < least) {
                least = loss;
                best = centroids;
            }
        }
        return best;
    }

    private double lloyd(float[] centroids, int size, int rounds) {
        double before = assign(centroids);
        for (int round = 0; round < rounds; round++) {
            update(centroids, size);
            double loss = assign(centroids);
            if (!(loss < before * (1 - GAIN))) {
                return Math.min(loss, before);
            }
            before = loss;
        }
        return before;
    }

    /// Seeds from distinct vectors of a sample.
    private float[] seeds(int size, SplittableRandom random) {
        int[] sample = sample(Math.min(count, SAMPLE * size), random);
        float[] drawn = new float[sample.length * length];
        double[] weights = new double[sample.length];
        for (int i = 0; i < sample.length; i++) {
            System.arraycopy(x, sample[i] * length, drawn, i * length, length);
            weights[i] = weight[sample[i]];
        }
        return new SeedDraw(drawn, weights, length).run(size, random);
    }

    private int[] sample(int wanted, SplittableRandom random) {
        int[] sample = new int[wanted];
        for (int i = 0; i < wanted; i++) {
            // one from each of equally long stretches
            long from = (long) i * count / wanted;
            long to = (long) (i + 1) * count / wanted;
            sample[i] = (int) (from + random.nextLong(Math.max(1, to - from)));
        }
        return sample;
    }

    private double distance(int vector, float[] centroids, int centroid) {
        double sum = 0;
        for (int t = 0; t < length; t++) {
            double gap = (double) x[vector * length + t] - centroids[centroid * length + t];
            sum += gap * gap;
        }
        return sum;
    }

    private double assign(float[] centroids) {
        CentroidSearch search = CentroidSearch.of(centroids, length);
        int strips = Math.ceilDiv(count, STRIP);
        double[] sums = new double[strips];
        parallel.run(strips, strip -> {
            int from = strip * STRIP;
            int to = Math.min(count, from + STRIP);
            search.nearest(x, from * length, to - from, nearest, from);
            double sum = 0;
            for (int i = from; i < to; i++) {
                lost[i] = weight[i] * distance(i, centroids, nearest[i]);
                sum += lost[i];
            }
            sums[strip] = sum;
        });
        return Arrays.stream(sums).sum();
    }

    /// Weighted means; an empty cluster takes the vector that loses most, each of those once.
    private void update(float[] centroids, int size) {
        double[] sums = new double[size * length];
        double[] mass = new double[size];
        for (int i = 0; i < count; i++) {
            int c = nearest[i];
            mass[c] += weight[i];
            for (int t = 0; t < length; t++) {
                sums[c * length + t] += weight[i] * x[i * length + t];
            }
        }
        for (int c = 0; c < size; c++) {
            int from = c;
            if (!(mass[c] > 0)) {
                int worst = worst();
                lost[worst] = 0;
                System.arraycopy(x, worst * length, centroids, from * length, length);
                continue;
            }
            for (int t = 0; t < length; t++) {
                centroids[c * length + t] = (float) (sums[c * length + t] / mass[c]);
            }
        }
    }

    private int worst() {
        int worst = 0;
        for (int i = 1; i < count; i++) {
            if (lost[i] > lost[worst]) {
                worst = i;
            }
        }
        return worst;
    }
}
