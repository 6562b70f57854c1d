package dev.quern.core;

/// How a matrix is to be quantized to uniform codes.
///
/// `bits` 2, 3, 4, 5, 6 or 8; `groupSize` inputs share one scale and zero point (0 = the whole row);
/// `symmetric` fixes the zero point at `2^(bits−1)`. Scales are rounded to `scaleType` before codes are
/// computed.
public record QuantScheme(int bits, int groupSize, boolean symmetric, DType scaleType) {
    public QuantScheme {
        if (!GroupedWeight.WIDTHS.contains(bits)) {
            throw new UsageException("bits is 2, 3, 4, 5, 6 or 8, not " + bits);
        }
        if (groupSize < 0) {
            throw new UsageException("group-size is positive, or 0 for the whole row, not " + groupSize);
        }
    }

    public QuantScheme(int bits, int groupSize, boolean symmetric) {
        this(bits, groupSize, symmetric, DType.F16);
    }

    /// The largest code: codes are unsigned, `0 … qmax`.
    public int qmax() {
        return (1 << bits) - 1;
    }

    /// The group size for a row of `cols` inputs.
    public int groupSizeFor(int cols) {
        return groupSize == 0 ? cols : groupSize;
    }
}
