package dev.quern.methods;

/// The pass over the columns with second-order feedback, vectors at a time (arXiv:2409.17066, alg. 1),
/// in the inverse-free form of `ColumnLoop`: with `H = R·Rᵀ` the target of column q is `w_q + Σ_{p<q}
/// Δ_p·R_pq / R_qq`.
///
/// A vector's components are outputs of one column, so all share the coefficient and the feedback stays exact. Column
/// norms need no other factor: in normalised coordinates `H̃ = D·H·D = (D·R)(D·R)ᵀ`, whose targets are these,
/// normalised.
final class VectorLoop {
    private static final int BLOCK = 128;

    private final double[] weight;
    private final Vectors vectors;
    private final Damping damping;
    private final boolean feedback;

    /// `weight [height, cols]`; without feedback every vector takes the nearest centroid.
    VectorLoop(double[] weight, Vectors vectors, Damping damping, boolean feedback) {
        this.weight = weight;
        this.vectors = vectors;
        this.damping = damping;
        this.feedback = feedback;
    }

    /// Sets all codes.
    void run(Parallel parallel) {
        vectors.prepare();
        int tile = vectors.tile();
        parallel.run(Math.ceilDiv(vectors.height, tile), task -> {
            int from = task * tile;
            tile(from, Math.min(vectors.height, from + tile));
        });
    }

    private void tile(int from, int to) {
        int n = vectors.cols;
        int rows = to - from;
        double[] gaps = new double[rows * n];
        double[] sums = new double[rows * BLOCK];
        float[] x = new float[rows];
        int[] found = new int[rows];
        for (int start = 0; start < n; start += BLOCK) {
            int width = Math.min(BLOCK, n - start);
            java.util.Arrays.fill(sums, 0);
            for (int p = 0; p < start && feedback; p += 4) {
                int count = Math.min(4, start - p);
                for (int row = 0; row < rows; row++) {
                    int at = p * n + start;
                    Axpy.addRows(sums, row * BLOCK, damping.factor().r(), at, n, width, gaps, row * n + p, count);
                }
            }
            for (int c = 0; c < width; c++) {
                column(from, rows, start + c, c, width, gaps, sums, x, found);
            }
        }
    }

    private void column(
            int from, int rows, int q, int c, int width, double[] gaps, double[] sums, float[] x, int[] found) {
        int n = vectors.cols;
        int col = damping.order()[q];
        double[] r = damping.factor().r();
        double pivot = r[q * n + q];
        VectorBook book = vectors.books[vectors.bookOf[col]];
        int v = book.length();
        double scale = vectors.scale[col];
        double shift = vectors.shift[col];
        for (int row = 0; row < rows; row++) {
            double target = weight[(from + row) * n + col] + (feedback ? sums[row * BLOCK + c] / pivot : 0);
            x[row] = (float) ((target - shift) / scale);
        }
        // the vectors of a column do not touch each other
        book.nearest(x, rows / v, found);
        for (int row = 0; row < rows; row += v) {
            int code = found[row / v];
            vectors.codes[col][(from + row) / v] = code;
            for (int t = 0; t < v && feedback; t++) {
                double gap = weight[(from + row + t) * n + col] - vectors.value(col, book.value(code, t));
                gaps[(row + t) * n + q] = gap;
                Axpy.add(sums, (row + t) * BLOCK + c + 1, r, q * n + q + 1, width - c - 1, gap);
            }
        }
    }
}
