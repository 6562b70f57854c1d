package dev.quern.methods;

import dev.quern.core.Int8Weight;
import dev.quern.core.QuernException;
import dev.quern.kernels.CodeLinear;

/// Signed 8-bit rows with their largest magnitude each: bitsandbytes' 8-bit layout, with outlier columns beside them as
/// Quern extends it.
///
/// `outliers` true = LLM.int8(): weights are `OutlierInt8Weight`, else `Int8Weight`. `threshold` is the magnitude from
/// which an input is an outlier.
record Int8Format(boolean outliers, float threshold) implements WeightFormat {
    /// Outlier columns are few and not known before calibration: they are not counted.
    @Override
    public long bytes(String layer, int rows, int cols) {
        return (long) rows * cols + 4L * rows;
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
