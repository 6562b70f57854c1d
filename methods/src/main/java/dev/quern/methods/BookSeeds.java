package dev.quern.methods;

import dev.quern.kernels.CentroidSearch;

/// First centroids of one book: weighted k-means over the vectors of its columns, normalised, each
/// weighing what an error in its column costs; the residual book from what the main one leaves.
final class BookSeeds {
    private final Vectors vectors;
    private final double[] target;
    private final double[] importance;
    private final int number;
    private final Parallel parallel;
    private final Phases phases;

    BookSeeds(Vectors vectors, double[] target, double[] importance, int number, Parallel parallel, Phases phases) {
        this.vectors = vectors;
        this.target = target;
        this.importance = importance;
        this.number = number;
        this.parallel = parallel;
        this.phases = phases;
    }

    void run(int rounds, int restarts, long seed) {
        VectorBook book = vectors.books[number];
        int v = book.length();
        int[] columns = java.util.stream.IntStream.range(0, vectors.cols)
                .filter(c -> vectors.bookOf[c] == number)
                .toArray();
        int n = vectors.height / v;
        float[] x = new float[columns.length * n * v];
        double[] weight = new double[columns.length * n];
        parallel.run(columns.length, i -> {
            int col = columns[i];
            double scale = vectors.scale[col];
            double share = importance[col] * scale * scale;
            for (int at = 0; at < n; at++) {
                weight[i * n + at] = share;
                for (int t = 0; t < v; t++) {
                    double w = target[(at * v + t) * vectors.cols + col];
                    x[(i * n + at) * v + t] = (float) ((w - vectors.shift[col]) / scale);
                }
            }
        });
        if (weight.length == 0) {
            return;
        }
        book.set(new WeightedKMeans(x, weight, v, parallel, phases).run(book.size(), rounds, restarts, seed), 0);
        if (book.residualSize() == 0) {
            return;
        }
        CentroidSearch search = CentroidSearch.of(java.util.Arrays.copyOf(book.centroids(), book.size() * v), v);
        float[] main = book.centroids();
        parallel.run(columns.length, i -> {
            for (int at = i * n; at < (i + 1) * n; at++) {
                int nearest = search.nearest(x, at * v);
                for (int t = 0; t < v; t++) {
                    x[at * v + t] -= main[nearest * v + t];
                }
            }
        });
        float[] residual =
                new WeightedKMeans(x, weight, v, parallel, phases).run(book.residualSize(), rounds, restarts, seed + 1);
        book.set(residual, book.size());
    }
}
