package dev.quern.kernels;

/// Checks at the border of a kernel, so that its inside needs none.
final class Border {
    private Border() {}

    /// Throws unless x and y hold `tokens` rows of the linear's sizes at their offsets.
    static void check(PreparedLinear linear, float[] x, int xOffset, int tokens, float[] y, int yOffset) {
        if (tokens < 0) {
            throw new IllegalArgumentException("tokens is not negative: " + tokens);
        }
        range("x", x, xOffset, (long) tokens * linear.cols());
        range("y", y, yOffset, (long) tokens * linear.rows());
    }

    /// Throws unless `array` holds `count` elements from `offset`.
    static void range(String name, float[] array, int offset, long count) {
        if (offset < 0 || count < 0 || offset + count > array.length) {
            throw new IndexOutOfBoundsException(
                    name + " holds " + array.length + " floats, wanted " + count + " from " + offset);
        }
    }
}
