package dev.quern.methods;

/// Coordinate descent on codes: each vector in turn moves to the centroid that lowers the exact loss
/// `tr(Δ·H·Δᵀ)` most, all others fixed. With `S = Δ·H` that is the centroid nearest to `w + S_c /
/// H_cc`, so a sweep costs one search a vector and one row of H a move.
final class VectorDescent {
    private final double[] h;
    private final Vectors vectors;
    /// `Δ·H`, `[height, cols]`, kept up to date.
    private final double[] slope;

    VectorDescent(double[] h, Vectors vectors, double[] slope) {
        this.h = h;
        this.vectors = vectors;
        this.slope = slope;
    }

    /// One sweep over all columns; tells what share of the vectors moved.
    double sweep(Parallel parallel) {
        vectors.prepare();
        int tile = vectors.tile();
        int tasks = Math.ceilDiv(vectors.height, tile);
        long[] moved = new long[tasks];
        parallel.run(tasks, task -> {
            int from = task * tile;
            int rows = Math.min(vectors.height, from + tile) - from;
            float[] x = new float[rows];
            int[] found = new int[rows];
            for (int col : vectors.order) {
                moved[task] += column(from, rows, col, x, found);
            }
        });
        long all = 0;
        for (int c = 0; c < vectors.cols; c++) {
            all += vectors.codes[c].length;
        }
        return (double) java.util.Arrays.stream(moved).sum() / all;
    }

    private int column(int from, int rows, int col, float[] x, int[] found) {
        int n = vectors.cols;
        VectorBook book = vectors.books[vectors.bookOf[col]];
        int v = book.length();
        double curvature = h[col * n + col];
        double scale = vectors.scale[col];
        for (int row = 0; row < rows; row += v) {
            int old = vectors.codes[col][(from + row) / v];
            for (int t = 0; t < v; t++) {
                double pull = slope[(from + row + t) * n + col] / (curvature * scale);
                x[row + t] = (float) (book.value(old, t) + pull);
            }
        }
        // a move changes the slopes of its own rows alone
        book.nearest(x, rows / v, found);
        int moved = 0;
        for (int row = 0; row < rows; row += v) {
            int at = (from + row) / v;
            int old = vectors.codes[col][at];
            int code = found[row / v];
            if (code != old && move(from + row, col, book, old, code, curvature)) {
                vectors.codes[col][at] = code;
                moved++;
            }
        }
        return moved;
    }

    /// Moves a vector if that lowers the loss beyond rounding.
    private boolean move(int row, int col, VectorBook book, int old, int code, double curvature) {
        int n = vectors.cols;
        int v = book.length();
        double change = 0;
        double size = 0;
        for (int t = 0; t < v; t++) {
            double step = vectors.value(col, book.value(code, t)) - vectors.value(col, book.value(old, t));
            change += step * (step * curvature - 2 * slope[(row + t) * n + col]);
            size += step * step * curvature;
        }
        if (!(change < -1e-6 * size)) {
            return false;
        }
        for (int t = 0; t < v; t++) {
            double step = vectors.value(col, book.value(code, t)) - vectors.value(col, book.value(old, t));
            Axpy.add(slope, (row + t) * n, h, col * n, n, -step);
        }
        return true;
    }
}
