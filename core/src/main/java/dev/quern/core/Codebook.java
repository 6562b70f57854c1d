package dev.quern.core;

/// Vectors to choose from: `groups` books of `size` centroids of `length` numbers each.
///
/// `centroids` F16, BF16 or F32 `[groups, size · length]`; centroid i of a book takes `i · length … (i + 1) · length −
/// 1`.
public record Codebook(int groups, int size, int length, Tensor centroids) {
    /// Indices are 16 bits wide at most.
    public static final int MOST = 1 << 16;

    public Codebook {
        if (groups < 1 || size < 1 || size > MOST || length < 1) {
            throw new IllegalArgumentException("a codebook has 1 to " + MOST + " centroids, not " + groups
                    + " books of " + size + " vectors of " + length);
        }
        Shape wanted = new Shape(groups, Math.multiplyExact(size, length));
        if (!centroids.dtype().isFloat() || !centroids.shape().equals(wanted)) {
            throw new IllegalArgumentException(
                    "centroids are " + centroids.dtype() + " " + centroids.shape() + ", expected floats " + wanted);
        }
    }

    /// One book over `values [size, length]`, rounded to `dtype`.
    public static Codebook of(DType dtype, float[] values, int length) {
        return new Codebook(1, values.length / length, length, Tensor.of(dtype, values, 1, values.length));
    }

    /// Bits of an index; the size is a power of two.
    public int bits() {
        return Integer.numberOfTrailingZeros(size);
    }

    /// True where every index of `bits` bits names a centroid.
    public boolean isPowerOfTwo() {
        return Integer.bitCount(size) == 1;
    }

    /// Element `at` of centroid `index` of a book.
    public float at(int group, int index, int at) {
        return centroids.floatAt(((long) group * size + index) * length + at);
    }

    /// All books as floats, `[groups, size, length]`.
    public float[] toFloats() {
        return centroids.toFloats();
    }

    long bytes() {
        return centroids.bytes();
    }
}
