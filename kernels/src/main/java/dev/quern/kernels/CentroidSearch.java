package dev.quern.kernels;

/// Finds the nearest of many centroids: the smallest `‖c‖² / 2 − x·c` in float32, of equal ones the first.
///
/// Every implementation gives the same index, also for numbers that are not finite. Reading only; for any number of
/// threads.
public sealed interface CentroidSearch permits CentroidScan, CentroidTree {
    /// The index of the centroid nearest to `x[at … at + length)`.
    int nearest(float[] x, int at);

    /// Puts the indices for `count` vectors, one after the other from `x[at]` on, into `found[to …]`.
    default void nearest(float[] x, int at, int count, int[] found, int to) {
        int length = length();
        for (int i = 0; i < count; i++) {
            found[to + i] = nearest(x, at + i * length);
        }
    }

    /// Numbers of a vector.
    int length();

    /// The quickest search among `centroids [size, length]`.
    static CentroidSearch of(float[] centroids, int length) {
        // from here on a tree is quicker than looking at all, see `tools/bench centroids`
        int many = length <= 8 ? 2048 : 8192;
        return centroids.length / length < many || VectorWidth.SCALAR
                ? new CentroidScan(centroids, length)
                : new CentroidTree(centroids, length);
    }
}
