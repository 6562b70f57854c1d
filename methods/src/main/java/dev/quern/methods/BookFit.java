package dev.quern.methods;

import dev.quern.torch.TorchScope;
import dev.quern.torch.TorchTensor;
import java.util.Arrays;
import java.util.Optional;

/// The best centroids of one book with all codes fixed: the exact minimiser of `tr(Δ·H·Δᵀ)`, both stages together.
///
/// With one-hot rows `Z_n` (columns of the book by centroid) the normal matrix is `A = Σ_n Z_nᵀ·D·H·D·Z_n`, the same
/// for
/// every component since H acts on columns, and the step solves `A·δ_t = Σ_n Z_nᵀ·D·S_{n,t}` with `S = Δ·H`.
final class BookFit {
    /// More unknowns than this are not solved for: the factor would take longer than the codes.
    static final int MOST = 2048;

    private static final double RIDGE = 1e-6;

    private final double[] h;
    private final Vectors vectors;
    private final int number;
    private final VectorBook book;
    private final int[] columns;

    BookFit(double[] h, Vectors vectors, int number) {
        this.h = h;
        this.vectors = vectors;
        this.number = number;
        this.book = vectors.books[number];
        this.columns = java.util.stream.IntStream.range(0, vectors.cols)
                .filter(c -> vectors.bookOf[c] == number)
                .toArray();
    }

    /// New centroids `[unknowns, length]` given `slope = Δ·H`, not yet rounded; empty where there are too many unknowns
    /// or the system does not factor.
    Optional<float[]> solve(double[] slope, Parallel parallel) {
        int k = book.unknowns();
        if (k > MOST || columns.length == 0) {
            return Optional.empty();
        }
        double[] matrix = matrix(parallel);
        double[] right = right(slope);
        double[] step = TorchScope.call(() -> {
            TorchTensor a = TorchTensor.of(matrix, k, k);
            double mean = 0;
            for (int i = 0; i < k; i++) {
                mean += matrix[i * k + i] / k;
            }
            a.diagonal().addInPlace(RIDGE * mean + Double.MIN_NORMAL);
            Optional<TorchTensor> factor = a.cholesky();
            if (factor.isEmpty()) {
                return new double[0];
            }
            TorchTensor half = factor.get().solveTriangular(TorchTensor.of(right, k, book.length()), false);
            return factor.get().transpose().solveTriangular(half, true).toDoubles();
        });
        if (step.length == 0) {
            return Optional.empty();
        }
        float[] centroids = book.centroids();
        for (int i = 0; i < centroids.length; i++) {
            centroids[i] += (float) step[i];
        }
        return Optional.of(centroids);
    }

    private double[] right(double[] slope) {
        int v = book.length();
        double[] right = new double[book.unknowns() * v];
        for (int col : columns) {
            double scale = vectors.scale[col];
            for (int n = 0; n < vectors.codes[col].length; n++) {
                int code = vectors.codes[col][n];
                for (int t = 0; t < v; t++) {
                    double pull = scale * slope[(n * v + t) * vectors.cols + col];
                    right[(code & book.size() - 1) * v + t] += pull;
                    if (book.residualSize() > 0) {
                        right[(book.size() + (code >>> book.mainBits())) * v + t] += pull;
                    }
                }
            }
        }
        return right;
    }

    /// `A [unknowns, unknowns]`; strips of vectors of fixed length are summed in order.
    private double[] matrix(Parallel parallel) {
        int k = book.unknowns();
        int m = columns.length;
        double[] scaled = scaledHessian();
        int count = vectors.height / book.length();
        int strips = Math.min(8, count);
        double[][] parts = new double[strips][];
        parallel.run(strips, strip -> {
            double[] part = new double[k * k];
            double[] spread = new double[k * m];
            int[] first = new int[m];
            int[] second = new int[m];
            for (int n = strip * count / strips; n < (strip + 1) * count / strips; n++) {
                for (int i = 0; i < m; i++) {
                    int code = vectors.codes[columns[i]][n];
                    first[i] = code & book.size() - 1;
                    second[i] = book.residualSize() > 0 ? book.size() + (code >>> book.mainBits()) : -1;
                }
                add(part, spread, scaled, first, second);
            }
            parts[strip] = part;
        });
        for (int strip = 1; strip < strips; strip++) {
            for (int i = 0; i < k * k; i++) {
                parts[0][i] += parts[strip][i];
            }
        }
        return parts[0];
    }

    /// Adds `Zᵀ·H̃·Z` of one vector of every column.
    private void add(double[] part, double[] spread, double[] scaled, int[] first, int[] second) {
        int k = book.unknowns();
        int m = columns.length;
        boolean[] used = new boolean[k];
        for (int i = 0; i < m; i++) {
            spread(spread, scaled, first[i], i, used);
            if (second[i] >= 0) {
                spread(spread, scaled, second[i], i, used);
            }
        }
        for (int c = 0; c < k; c++) {
            if (!used[c]) {
                continue;
            }
            int row = c * k;
            int from = c * m;
            for (int i = 0; i < m; i++) {
                part[row + first[i]] += spread[from + i];
            }
            if (book.residualSize() > 0) {
                for (int i = 0; i < m; i++) {
                    part[row + second[i]] += spread[from + i];
                }
            }
            Arrays.fill(spread, from, from + m, 0);
        }
    }

    private void spread(double[] spread, double[] scaled, int c, int i, boolean[] used) {
        used[c] = true;
        Axpy.add(spread, c * columns.length, scaled, i * columns.length, columns.length, 1);
    }

    /// `D·H·D` of the book's columns.
    private double[] scaledHessian() {
        int m = columns.length;
        double[] scaled = new double[m * m];
        for (int i = 0; i < m; i++) {
            for (int j = 0; j < m; j++) {
                scaled[i * m + j] = h[columns[i] * vectors.cols + columns[j]]
                        * vectors.scale[columns[i]]
                        * vectors.scale[columns[j]];
            }
        }
        return scaled;
    }

    @Override
    public String toString() {
        return "book " + number + " over " + columns.length + " columns";
    }
}
