package dev.quern.methods;

import dev.quern.core.QuantScheme;
import dev.quern.core.QuernException;
import dev.quern.models.Linear;
import java.util.List;
import java.util.function.Supplier;

/// The stored form that a weight method produces.
public sealed interface WeightFormat permits WeightFormat.Grouped, WeightFormat.Vectored, Int8Format, TableFormat {
    /// Integer codes in groups: the GPTQ layout.
    record Grouped(QuantScheme scheme) implements WeightFormat {
        @Override
        public long bytes(String layer, int rows, int cols) {
            long groups = (cols + (long) scheme.groupSizeFor(cols) - 1) / scheme.groupSizeFor(cols);
            long codes = (long) rows * cols * scheme.bits() / 8;
            return codes + groups * rows * 2 + groups * rows * scheme.bits() / 8 + 4L * cols;
        }

        @Override
        public void check(String layer, int rows, int cols) {
            int group = scheme.groupSizeFor(cols);
            if (cols % group != 0) {
                throw new QuernException(layer + ": " + cols + " inputs do not divide into groups of " + group
                        + "; use a group size that divides " + cols + " (e.g. " + divisor(cols, group)
                        + "), group-size 0 for the whole row, or --exclude this layer");
            }
            if (cols % 32 != 0) {
                throw new QuernException(layer + ": " + cols + " inputs do not fill words of 32 codes, which the GPTQ"
                        + " layout needs; --exclude this layer");
            }
            if (rows % 32 != 0) {
                throw new QuernException(layer + ": " + rows + " outputs do not fill words of 32 zero points, which the"
                        + " GPTQ layout needs; --exclude this layer");
            }
        }

        /// The largest divisor of `cols` not above `group` that is a multiple of 8, or the largest at all.
        private static int divisor(int cols, int group) {
            int best = 1;
            for (int g = 1; g <= Math.min(group, cols); g++) {
                if (cols % g == 0 && (g % 8 == 0 || best % 8 != 0)) {
                    best = g;
                }
            }
            return best;
        }

        @Override
        public int groupSizeFor(int cols) {
            return scheme.groupSizeFor(cols);
        }

        @Override
        public float[] roundTrip(float[] weight, int rows, int cols, Parallel parallel) {
            Grid grid = GridSearch.fit(weight, rows, cols, scheme, Range.MIN_MAX, null, parallel);
            float[] values = new float[weight.length];
            parallel.run(rows, row -> {
                for (int col = 0; col < cols; col++) {
                    int group = col / grid.groupSize();
                    values[row * cols + col] = grid.value(row, group, grid.code(row, group, weight[row * cols + col]));
                }
            });
            return values;
        }

        @Override
        public String toString() {
            return scheme.bits() + " bits, "
                    + (scheme.groupSize() == 0 ? "whole rows" : "groups of " + scheme.groupSize())
                    + ", " + (scheme.symmetric() ? "symmetric" : "asymmetric");
        }
    }

    /// Indices of centroids: the layout of the vptq package.
    record Vectored(Vptq.Config config) implements WeightFormat {
        @Override
        public long bytes(String layer, int rows, int cols) {
            return config.shape(layer, cols).bytes(rows, cols);
        }

        @Override
        public List<String> bill(List<Linear> linears) {
            return VectorBill.lines(linears, config);
        }

        @Override
        public void check(String layer, int rows, int cols) {
            config.shape(layer, cols).check(layer, rows, cols);
        }

        @Override
        public int groupSizeFor(int cols) {
            return cols;
        }

        /// No codebook is trained for a trial: 2 bits in rows stand in, whose errors fall on the same weights.
        @Override
        public float[] roundTrip(float[] weight, int rows, int cols, Parallel parallel) {
            return new Grouped(new QuantScheme(2, 0, false)).roundTrip(weight, rows, cols, parallel);
        }

        @Override
        public String toString() {
            return config.shapes().isEmpty()
                    ? config.shape("", 0).toString()
                    : VectorShapes.of(config.shapes()).toString();
        }
    }

    /// Bytes of a matrix in this form, everything counted.
    long bytes(String layer, int rows, int cols);

    /// Inputs that share a scale, in a row of `cols`.
    int groupSizeFor(int cols);

    /// What `weight [rows, cols]` becomes when it is rounded to nearest, ranges from the least to the largest value:
    /// what methods that transform try their candidates with.
    float[] roundTrip(float[] weight, int rows, int cols, Parallel parallel);

    /// The columns, ascending, whose inputs and weights stay out of the codes where the inputs' largest magnitudes are
    /// what `largest` gives; it is asked only where that matters.
    default int[] exactInputs(Supplier<float[]> largest) {
        return new int[0];
    }

    /// What the bits of a weight go to, a line each; empty where `bytes` says it all.
    default List<String> bill(List<Linear> linears) {
        return List.of();
    }

    /// Throws the one-line error for a shape that this form cannot hold.
    void check(String layer, int rows, int cols);
}
