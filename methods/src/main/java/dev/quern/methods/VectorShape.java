package dev.quern.methods;

import dev.quern.core.Codebook;
import dev.quern.core.QuernException;
import dev.quern.core.UsageException;
import dev.quern.formats.VptqConfig;

/// How a matrix is cut into vectors and how many centroids its books have; `residual` 0 = one stage. `outliers` is the
/// number of columns with a book of their own.
public record VectorShape(
        int length,
        int size,
        int residual,
        int groups,
        int outliers,
        int outlierLength,
        int outlierSize,
        boolean norm) {
    public VectorShape {
        if (length < 1 || length > 64) {
            throw new UsageException("vector-length is 1 to 64, not " + length);
        }
        require("centroids", size, 2);
        if (residual != 0) {
            require("residual-centroids", residual, 2);
        }
        if (outliers > 0) {
            require("outlier-centroids", outlierSize, 2);
        }
        if (groups < 1) {
            throw new UsageException("groups is at least 1, not " + groups);
        }
    }

    private static void require(String key, int size, int least) {
        if (Integer.bitCount(size) != 1 || size < least || size > Codebook.MOST) {
            throw new UsageException(
                    key + " is a power of two from " + least + " to " + Codebook.MOST + ", not " + size);
        }
    }

    /// Bits of one index, both stages.
    int indexBits() {
        return Integer.numberOfTrailingZeros(size) + (residual == 0 ? 0 : Integer.numberOfTrailingZeros(residual));
    }

    /// Bits of all indices of a matrix, rows padded to whole words.
    long indices(int rows, int cols) {
        long words = Math.ceilDiv((long) (cols - outliers) / groups * indexBits(), 32L);
        long main = Math.ceilDiv(rows, length) * words * 32 * groups;
        return main + (outliers == 0 ? 0 : (long) Math.ceilDiv(rows, outlierLength) * outliers * 16);
    }

    /// Bits of all codebooks.
    long books() {
        return 16L * length * (size + residual) * groups + (outliers == 0 ? 0 : 16L * outlierLength * outlierSize);
    }

    /// Bits of the column norm and, where there is one, the permutation.
    long columns(int cols) {
        return (norm ? 32L : 0) * cols + (groups > 1 || outliers > 0 ? 16L : 0) * cols;
    }

    /// Bytes of a matrix, everything counted.
    long bytes(int rows, int cols) {
        return (indices(rows, cols) + books() + columns(cols)) / 8;
    }

    /// Throws the one-line error for a matrix that this shape does not fit, or whose codebooks weigh more than its
    /// indices.
    void check(String layer, int rows, int cols) {
        if ((cols - outliers) % groups != 0) {
            throw new QuernException(layer + ": " + cols + " inputs do not divide into " + groups
                    + " groups; use outliers, which take the rest, or a number that divides " + cols);
        }
        if (groups > 1 && cols > 0xFFFF) {
            throw new QuernException(layer + ": " + cols + " inputs are too many for a permutation of 16 bits;"
                    + " use one group and no outliers");
        }
        if (books() > indices(rows, cols)) {
            throw new QuernException(String.format(
                    java.util.Locale.ROOT,
                    "%s: the codebooks of %s take %d bits, more than its indices' %d; use fewer centroids, shorter"
                            + " vectors, or let --bits plan the shape",
                    layer,
                    this,
                    books(),
                    indices(rows, cols)));
        }
    }

    /// What the config of a written model says of a matrix of this shape.
    VptqConfig.Module module(int rows, int cols, boolean bias) {
        return new VptqConfig.Module(
                cols,
                rows,
                length,
                size,
                residual,
                groups,
                (cols - outliers) / groups,
                outliers,
                outlierLength,
                outlierSize,
                norm,
                groups > 1 || outliers > 0,
                true,
                bias);
    }

    @Override
    public String toString() {
        return "v" + length + "-k" + size
                + (residual == 0 ? "" : "-" + residual)
                + (groups == 1 ? "" : "-g" + groups)
                + (outliers == 0 ? "" : "-o" + outliers)
                + (norm ? "-norm" : "");
    }
}
