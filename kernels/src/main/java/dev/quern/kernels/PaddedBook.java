package dev.quern.kernels;

import dev.quern.core.Codebook;

/// Centroids as vectors read them: each filled up with zeros to `stride` floats.
final class PaddedBook {
    /// Floats of a book of sums: 128 KiB lie near.
    private static final int MOST_SUMS = 1 << 15;

    private PaddedBook() {}

    /// The centroids of one group of columns.
    static float[] of(Codebook book, int group, int stride) {
        float[] values = new float[book.size() * stride];
        for (int i = 0; i < book.size(); i++) {
            for (int t = 0; t < book.length(); t++) {
                values[i * stride + t] = book.at(group, i, t);
            }
        }
        return values;
    }

    /// True where the sums of two stages are few enough to be a book of their own: one read for two.
    static boolean foldsInto(float[] first, float[] other, int stride) {
        return (long) first.length * (other.length / stride) <= MOST_SUMS;
    }

    /// Every sum of a main and a residual centroid, the main index lowest, rounded as `VectorWeight.unpackRow` does.
    static float[] sums(float[] first, float[] other, int stride) {
        float[] sums = new float[first.length * (other.length / stride)];
        for (int i = 0; i < sums.length; i++) {
            sums[i] = first[i % first.length] + other[i / first.length * stride + i % stride];
        }
        return sums;
    }
}
