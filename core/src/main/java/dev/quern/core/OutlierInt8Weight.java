package dev.quern.core;

import java.lang.foreign.MemorySegment;

/// LLM.int8()'s form of a weight (arXiv:2208.07339): signed 8-bit rows, and a few columns beside them in a float type.
///
/// `outliers` are the columns, ascending, whose inputs are too large for 8 bits; `columns [rows, outliers]` holds their
/// weights. The codes of those columns in `regular` count for nothing here (they are there for readers that know
/// only rows). Arrays belong to the record.
public record OutlierInt8Weight(Int8Weight regular, int[] outliers, Tensor columns) implements PackedWeight {
    public OutlierInt8Weight {
        if (!columns.dtype().isFloat() || !columns.shape().equals(new Shape(regular.rows(), outliers.length))) {
            throw new IllegalArgumentException("columns are " + columns.dtype() + " " + columns.shape()
                    + ", expected floats " + new Shape(regular.rows(), outliers.length));
        }
        for (int i = 0; i < outliers.length; i++) {
            if (outliers[i] < 0 || outliers[i] >= regular.cols() || i > 0 && outliers[i] <= outliers[i - 1]) {
                throw new IllegalArgumentException(
                        "outlier column " + outliers[i] + " is out of order or not below " + regular.cols());
            }
        }
    }

    @Override
    public int rows() {
        return regular.rows();
    }

    @Override
    public int cols() {
        return regular.cols();
    }

    @Override
    public MemorySegment memory() {
        return regular.memory();
    }

    /// Codes, scales, columns and their numbers.
    @Override
    public long bytes() {
        return regular.bytes() + columns.bytes() + 4L * outliers.length;
    }

    @Override
    public String encoding() {
        return "llm-int8-o" + outliers.length;
    }

    @Override
    public void unpackRow(int row, float[] target, int offset) {
        regular.unpackRow(row, target, offset);
        for (int i = 0; i < outliers.length; i++) {
            target[offset + outliers[i]] = columns.floatAt((long) row * outliers.length + i);
        }
    }
}
