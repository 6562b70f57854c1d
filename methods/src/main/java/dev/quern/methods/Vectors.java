package dev.quern.methods;

import dev.quern.core.Codebook;
import dev.quern.core.DType;
import dev.quern.core.PackedBits;
import dev.quern.core.Tensor;
import dev.quern.core.VectorWeight;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// A matrix in vectors of centroids while it is being chosen: `w[n·v + t, c] = book(c)[code][t] · scale[c] + shift[c]`.
///
/// `order` is the order of processing and of storage: outlier columns first (book 0 of those there are), then groups of
/// equally many columns, a book each. Rows are filled up to whole vectors of every book.
final class Vectors {
    final int rows;
    final int cols;
    /// Rows filled up, a multiple of every book's length.
    final int height;
    final int[] order;
    final VectorBook[] books;
    final int[] bookOf;
    /// The codes of a column, by vector.
    final int[][] codes;
    final float[] scale;
    final float[] shift;
    private final int outliers;
    private final boolean normed;

    Vectors(int rows, int[] order, VectorBook[] books, int outliers, boolean normed) {
        this.rows = rows;
        this.cols = order.length;
        this.order = order;
        this.books = books;
        this.outliers = outliers;
        this.normed = normed;
        int unit = 1;
        for (VectorBook book : books) {
            unit = lcm(unit, book.length());
        }
        this.height = Math.ceilDiv(rows, unit) * unit;
        this.bookOf = new int[cols];
        int first = outliers > 0 ? 1 : 0;
        int groupSize = (cols - outliers) / (books.length - first);
        for (int place = 0; place < cols; place++) {
            bookOf[order[place]] = place < outliers ? 0 : first + (place - outliers) / groupSize;
        }
        this.codes = new int[cols][];
        for (int c = 0; c < cols; c++) {
            codes[c] = new int[height / books[bookOf[c]].length()];
        }
        this.scale = new float[cols];
        this.shift = new float[cols];
        Arrays.fill(scale, 1);
    }

    private Vectors(Vectors other) {
        this(other.rows, other.order, other.books, other.outliers, other.normed);
        for (int c = 0; c < cols; c++) {
            System.arraycopy(other.codes[c], 0, codes[c], 0, codes[c].length);
        }
        System.arraycopy(other.scale, 0, scale, 0, cols);
        System.arraycopy(other.shift, 0, shift, 0, cols);
    }

    private static int lcm(int a, int b) {
        int x = a;
        int y = b;
        while (y != 0) {
            int rest = x % y;
            x = y;
            y = rest;
        }
        return a / x * b;
    }

    /// Codes, scales and shifts of its own; the same books.
    Vectors copy() {
        return new Vectors(this);
    }

    /// Takes over the codes of a copy.
    void take(Vectors other) {
        for (int c = 0; c < cols; c++) {
            System.arraycopy(other.codes[c], 0, codes[c], 0, codes[c].length);
        }
    }

    boolean normed() {
        return normed;
    }

    int lengthOf(int col) {
        return books[bookOf[col]].length();
    }

    /// Rows of a task: whole vectors of every book, some 16.
    int tile() {
        int unit = 1;
        for (VectorBook book : books) {
            unit = lcm(unit, book.length());
        }
        return unit * Math.max(1, 16 / unit);
    }

    void prepare() {
        for (VectorBook book : books) {
            book.prepare();
        }
    }

    double value(int row, int col) {
        VectorBook book = books[bookOf[col]];
        int v = book.length();
        return value(col, book.value(codes[col][row / v], row % v));
    }

    /// A centroid's number as a weight of column `col`, rounded as kernels and `unpackRow` do.
    double value(int col, float number) {
        return normed ? number * scale[col] + shift[col] : number;
    }

    /// `target − w`, `[height, cols]`.
    double[] gaps(double[] target, Parallel parallel) {
        double[] gaps = new double[target.length];
        parallel.run(height, row -> {
            for (int c = 0; c < cols; c++) {
                gaps[row * cols + c] = target[row * cols + c] - value(row, c);
            }
        });
        return gaps;
    }

    /// The stored form, books and norm at `dtype`.
    VectorWeight pack(DType dtype) {
        int first = outliers > 0 ? 1 : 0;
        int groups = books.length - first;
        int groupSize = (cols - outliers) / groups;
        VectorBook main = books[first];
        int n = Math.ceilDiv(rows, main.length());
        int bits =
                main.mainBits() + (main.residualSize() == 0 ? 0 : Integer.numberOfTrailingZeros(main.residualSize()));
        int[] words = new int[groups * n * groupSize];
        for (int place = outliers; place < cols; place++) {
            int group = (place - outliers) / groupSize;
            int within = (place - outliers) % groupSize;
            for (int i = 0; i < n; i++) {
                words[(group * n + i) * groupSize + within] = codes[stored(place)][i];
            }
        }
        return new VectorWeight(
                rows,
                cols,
                joined(first, 0, main.size(), dtype),
                main.residualSize() == 0 ? null : joined(first, main.size(), main.residualSize(), dtype),
                outliers == 0 ? null : books[0].main(),
                outliers,
                Tensor.of(
                        PackedBits.pack(words, groups * n, groupSize, bits),
                        groups,
                        n,
                        PackedBits.words(groupSize, bits)),
                outliers == 0 ? null : outlierIndices(),
                isPlaced() ? VectorWeight.unsigned(order, cols) : null,
                normed ? Tensor.of(dtype, scale, cols) : null,
                normed ? Tensor.of(dtype, shift, cols) : null);
    }

    /// With one book the order of storage means nothing: columns are stored in their own and no permutation with them.
    private boolean isPlaced() {
        return books.length > 1;
    }

    private int stored(int place) {
        return isPlaced() ? order[place] : place;
    }

    private Codebook joined(int first, int from, int size, DType dtype) {
        int length = books[first].length();
        float[] values = new float[(books.length - first) * size * length];
        for (int group = 0; group < books.length - first; group++) {
            float[] own = books[first + group].centroids();
            System.arraycopy(own, from * length, values, group * size * length, size * length);
        }
        int groups = books.length - first;
        return new Codebook(groups, size, length, Tensor.of(dtype, values, groups, (long) size * length));
    }

    private @Nullable Tensor outlierIndices() {
        int n = Math.ceilDiv(rows, books[0].length());
        int[] indices = new int[n * outliers];
        for (int place = 0; place < outliers; place++) {
            for (int i = 0; i < n; i++) {
                indices[i * outliers + place] = codes[order[place]][i];
            }
        }
        return VectorWeight.unsigned(indices, 1, n, outliers);
    }
}
