package dev.quern.methods;

import java.util.Arrays;

/// Numbers that a transform learns, in float64, with their shape as a tensor and the part they play.
///
/// Off-diagonal numbers are written such that all zeros mean a diagonal transform. Not thread-safe.
final class Learned {
    /// What the numbers are: each kind has its own learning rate.
    enum Part {
        /// Logarithms of scales, and phases: what a diagonal transform has too.
        SCALE,
        /// What makes a transform more than diagonal.
        MATRIX,
        /// How far ranges are clipped.
        CLIP,
        /// Shifts that become biases.
        SHIFT
    }

    private final String name;
    private final Part part;
    private final long[] shape;
    private final double[] values;

    Learned(String name, Part part, double[] values, long... shape) {
        long count = Arrays.stream(shape).reduce(1, Math::multiplyExact);
        if (count != values.length) {
            throw new IllegalArgumentException(
                    name + ": " + values.length + " values do not fill shape " + Arrays.toString(shape));
        }
        this.name = name;
        this.part = part;
        this.values = values;
        this.shape = shape;
    }

    String name() {
        return name;
    }

    Part part() {
        return part;
    }

    /// Shared: changing an element changes what is learned.
    double[] values() {
        return values;
    }

    long[] shape() {
        return shape;
    }

    /// Multiplies what makes the transform more than diagonal; 0 leaves the diagonal form.
    void shrink(double factor) {
        if (part == Part.MATRIX) {
            for (int i = 0; i < values.length; i++) {
                values[i] *= factor;
            }
        }
    }
}
