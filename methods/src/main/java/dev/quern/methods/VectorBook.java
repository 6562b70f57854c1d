package dev.quern.methods;

import dev.quern.core.Codebook;
import dev.quern.core.DType;
import dev.quern.core.Floats;
import dev.quern.kernels.CentroidSearch;
import org.jspecify.annotations.Nullable;

/// Centroids while they are being chosen: a main book and, where there is one, a residual one whose vectors are added.
///
/// A code is `i | i_r << mainBits`, as the files pack it. Values are always those that the storage type holds.
final class VectorBook {
    /// Up to this many sums of a main and a residual centroid the best pair is found among all; beyond, the residual is
    /// chosen after the main centroid.
    private static final int MOST_PAIRS = 1 << 14;

    private final int length;
    private final int size;
    private final int residualSize;
    private final DType dtype;
    /// Main centroids, then residual ones.
    private final float[] centroids;
    /// Every sum of a pair by its code; the main centroids themselves where there is one stage or too many pairs.
    private float[] sums = {};

    private @Nullable CentroidSearch search;
    private @Nullable CentroidSearch second;

    /// Zeros; `residualSize` 0 = one stage.
    VectorBook(int length, int size, int residualSize, DType dtype) {
        this.length = length;
        this.size = size;
        this.residualSize = residualSize;
        this.dtype = dtype;
        this.centroids = new float[Math.multiplyExact(size + residualSize, length)];
        changed();
    }

    int length() {
        return length;
    }

    int size() {
        return size;
    }

    int residualSize() {
        return residualSize;
    }

    /// Unknown vectors of a least-squares fit: both stages' centroids.
    int unknowns() {
        return size + residualSize;
    }

    int mainBits() {
        return Integer.numberOfTrailingZeros(size);
    }

    boolean isPaired() {
        return residualSize > 0 && (long) size * residualSize <= MOST_PAIRS;
    }

    /// A copy of main centroids, then residual ones.
    float[] centroids() {
        return centroids.clone();
    }

    /// Takes over centroids `from …`, rounded to the storage type.
    void set(float[] values, int from) {
        for (int i = 0; i < values.length; i++) {
            centroids[from * length + i] = Floats.round(dtype, Math.clamp(values[i], -60000f, 60000f));
        }
        changed();
    }

    private void changed() {
        if (isPaired()) {
            sums = new float[size * residualSize * length];
            for (int code = 0; code < size * residualSize; code++) {
                for (int t = 0; t < length; t++) {
                    sums[code * length + t] =
                            centroids[code % size * length + t] + centroids[(size + code / size) * length + t];
                }
            }
        } else {
            sums = java.util.Arrays.copyOf(centroids, size * length);
        }
        search = null;
        second = null;
    }

    /// Makes the tables that `nearest` reads; call it before several threads search.
    void prepare() {
        if (search == null) {
            search = CentroidSearch.of(sums, length);
            if (residualSize > 0 && !isPaired()) {
                float[] residual = java.util.Arrays.copyOfRange(centroids, size * length, centroids.length);
                second = CentroidSearch.of(residual, length);
            }
        }
    }

    /// Puts the codes of what is nearest to the `count` vectors of `x` into `found`; `x` is overwritten
    /// by what the main stage leaves where the stages are chosen one after the other.
    void nearest(float[] x, int count, int[] found) {
        CentroidSearch first = search;
        if (first == null) {
            throw new IllegalStateException("prepare comes before nearest");
        }
        first.nearest(x, 0, count, found, 0);
        if (second == null) {
            return;
        }
        for (int i = 0; i < count; i++) {
            for (int t = 0; t < length; t++) {
                x[i * length + t] -= centroids[found[i] * length + t];
            }
            found[i] |= second.nearest(x, i * length) << mainBits();
        }
    }

    /// Element `t` of the vector that `code` names.
    float value(int code, int t) {
        if (residualSize == 0 || isPaired()) {
            return sums[code * length + t];
        }
        int main = code & size - 1;
        return centroids[main * length + t] + centroids[(size + (code >>> mainBits())) * length + t];
    }

    /// The main book as it is stored.
    Codebook main() {
        return Codebook.of(dtype, java.util.Arrays.copyOf(centroids, size * length), length);
    }
}
