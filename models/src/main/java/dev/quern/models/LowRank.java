package dev.quern.models;

import dev.quern.core.DType;
import dev.quern.core.DenseWeight;
import dev.quern.core.PackedWeight;
import dev.quern.core.Shape;
import dev.quern.core.Tensor;

/// A correction of a Linear by two thin matrices: `y += B · (A · x)`, where `x` is the Linear's input before any
/// transform or quantization (LoRA, arXiv:2106.09685).
///
/// `a [rank, in]` and `b [out, rank]`, row-major; the adapter's scale is already in `b`. Arrays belong to the record.
public record LowRank(int rank, int inFeatures, int outFeatures, float[] a, float[] b) {
    public LowRank {
        if (rank < 1
                || a.length != Math.multiplyExact(rank, inFeatures)
                || b.length != Math.multiplyExact(outFeatures, rank)) {
            throw new IllegalArgumentException("A has " + a.length + " and B " + b.length + " elements, expected "
                    + rank + " x " + inFeatures + " and " + outFeatures + " x " + rank);
        }
    }

    /// A as a weight `[rank, in]`.
    public PackedWeight down() {
        return new DenseWeight(Tensor.of(a, rank, inFeatures));
    }

    /// B as a weight `[out, rank]`.
    public PackedWeight up() {
        return new DenseWeight(Tensor.of(b, outFeatures, rank));
    }

    /// `W + B·A` in float32, summed in float64: the one matrix that computes the same.
    public DenseWeight mergedInto(PackedWeight weight) {
        if (weight.rows() != outFeatures || weight.cols() != inFeatures) {
            throw new IllegalArgumentException("a correction of [" + outFeatures + ", " + inFeatures
                    + "] for a weight of [" + weight.rows() + ", " + weight.cols() + "]");
        }
        float[] merged = weight.unpack();
        double[] row = new double[inFeatures];
        for (int out = 0; out < outFeatures; out++) {
            java.util.Arrays.fill(row, 0);
            for (int r = 0; r < rank; r++) {
                double factor = b[out * rank + r];
                for (int in = 0; in < inFeatures; in++) {
                    row[in] += factor * a[r * inFeatures + in];
                }
            }
            for (int in = 0; in < inFeatures; in++) {
                int at = out * inFeatures + in;
                merged[at] = (float) (merged[at] + row[in]);
            }
        }
        return new DenseWeight(new Tensor(
                DType.F32,
                new Shape(outFeatures, inFeatures),
                Tensor.of(merged, merged.length).data()));
    }
}
