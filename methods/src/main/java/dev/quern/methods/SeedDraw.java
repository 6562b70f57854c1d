package dev.quern.methods;

import dev.quern.kernels.LeastDistances;
import java.util.SplittableRandom;

/// Draws the first centroids of k-means as k-means++ does (Arthur and Vassilvitskii 2007): each by its weight times its
/// squared distance from the nearest of those drawn before.
final class SeedDraw {
    /// Vectors whose losses are summed up together.
    private static final int BLOCK = 256;

    private final float[] vectors;
    private final double[] weight;
    private final int length;
    private final LeastDistances distances;
    private final double[] losses;
    private final boolean[] stale;

    /// From `vectors [count, length]`, a weight for each.
    SeedDraw(float[] vectors, double[] weight, int length) {
        this.vectors = vectors;
        this.weight = weight;
        this.length = length;
        this.distances = new LeastDistances(vectors, length);
        this.losses = new double[Math.ceilDiv(weight.length, BLOCK)];
        this.stale = new boolean[losses.length];
    }

    /// `size` seeds, `[size, length]`; to be called once.
    float[] run(int size, SplittableRandom random) {
        float[] seeds = new float[size * length];
        int chosen = random.nextInt(weight.length);
        for (int seed = 0; seed < size; seed++) {
            System.arraycopy(vectors, chosen * length, seeds, seed * length, length);
            distances.add(seeds, seed * length, vector -> stale[vector / BLOCK] = true);
            chosen = draw(random.nextDouble());
        }
        return seeds;
    }

    /// The vector at the share `at` of all losses.
    private int draw(double at) {
        double total = 0;
        for (int block = 0; block < losses.length; block++) {
            if (stale[block]) {
                stale[block] = false;
                losses[block] = loss(block * BLOCK, end(block));
            }
            total += losses[block];
        }
        double left = at * total;
        int block = 0;
        while (block < losses.length - 1 && left - losses[block] > 0) {
            left -= losses[block++];
        }
        int vector = block * BLOCK;
        while (vector < end(block) - 1 && (left -= loss(vector, vector + 1)) > 0) {
            vector++;
        }
        return vector;
    }

    private int end(int block) {
        return Math.min(weight.length, (block + 1) * BLOCK);
    }

    private double loss(int from, int to) {
        double sum = 0;
        for (int vector = from; vector < to; vector++) {
            sum += weight[vector] * distances.of(vector);
        }
        return sum;
    }
}
