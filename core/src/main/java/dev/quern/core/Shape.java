package dev.quern.core;

import java.util.Arrays;
import java.util.stream.Collectors;

/// Sizes of a tensor's dimensions, outermost first.
///
/// The array is owned by the shape; sizes are not negative and their product fits a `long`.
public record Shape(long... sizes) {
    public Shape {
        long count = 1;
        for (long size : sizes) {
            if (size < 0) {
                throw new IllegalArgumentException("negative size in shape " + Arrays.toString(sizes));
            }
            count = Math.multiplyExact(count, size);
        }
    }

    /// Number of elements: 1 for a scalar.
    public long count() {
        long count = 1;
        for (long size : sizes) {
            count *= size;
        }
        return count;
    }

    /// Number of dimensions.
    public int rank() {
        return sizes.length;
    }

    /// Size of dimension `i` as an int; throws ArithmeticException past 2^31.
    public int dim(int i) {
        return Math.toIntExact(sizes[i]);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Shape(long[] o) && Arrays.equals(sizes, o);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(sizes);
    }

    @Override
    public String toString() {
        return Arrays.stream(sizes).mapToObj(Long::toString).collect(Collectors.joining(", ", "[", "]"));
    }
}
