package dev.quern.methods;

import dev.quern.core.Int8Weight;
import dev.quern.core.QuernException;
import dev.quern.kernels.CodeLinear;
import java.util.Comparator;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/// Signed 8-bit rows with their largest magnitude each: bitsandbytes' 8-bit layout, with outlier columns beside them as
/// Quern extends it.
///
/// `outliers` true = LLM.int8(): weights are `OutlierInt8Weight`, else `Int8Weight`. `threshold` is the magnitude from
/// which an input is an outlier, `share` the largest part of a layer's inputs that are.
record Int8Format(boolean outliers, float threshold, double share) implements WeightFormat {
    /// Outlier columns are few and not known before calibration: they are not counted.
    @Override
    public long bytes(String layer, int rows, int cols) {
        return (long) rows * cols + 4L * rows;
    }

    /// Columns that reach the threshold; where they are too many, those with the largest inputs.
    @Override
    public int[] exactInputs(Supplier<float[]> inputs) {
        if (!outliers) {
            return new int[0];
        }
        float[] largest = inputs.get();
        return IntStream.range(0, largest.length)
                .filter(col -> largest[col] >= threshold)
                .boxed()
                .sorted(Comparator.comparingDouble(col -> -largest[col]))
                .limit((long) (share * largest.length))
                .mapToInt(col -> col)
                .sorted()
                .toArray();
    }

    public int groupSizeFor(int cols) {
        return cols;
    }

    /// See `WeightFormat`.
    public float[] roundTrip(float[] weight, int rows, int cols, Parallel parallel) {
        return Int8Weight.nearestLargest(rows, cols, weight).unpack();
    }

    @Override
    public void check(String layer, int rows, int cols) {
        if (cols > CodeLinear.MOST_INPUTS) {
            throw new QuernException(layer + ": sums over " + cols + " inputs do not fit 32 bits; at most "
                    + CodeLinear.MOST_INPUTS + " are held in int8; --exclude this layer");
        }
    }

    @Override
    public String toString() {
        return outliers ? "int8 rows and outlier columns" : "int8 rows";
    }
}
