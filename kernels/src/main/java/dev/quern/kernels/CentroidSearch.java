package dev.quern.kernels;

/// Finds the nearest of many centroids: the smallest `‖c‖² / 2 − x·c` in float32, of equal ones the first.
///
/// Every implementation gives the same index, also for numbers that are not finite. Reading only; for any number of
/// threads.
public sealed interface CentroidSearch permits CentroidScan, CentroidTree {
    /// From this many centroids on a tree is quicker than looking at all (`tools/bench centroids`).
    int TREE = 2048;

    /// The index of the centroid nearest to `x[at … at + length)`.
    int nearest(float[] x, int at);

    /// The quickest search among `centroids [size, length]`.
    static CentroidSearch of(float[] centroids, int length) {
        return centroids.length / length < TREE || VectorWidth.SCALAR
                ? new CentroidScan(centroids, length)
                : new CentroidTree(centroids, length);
    }
}
