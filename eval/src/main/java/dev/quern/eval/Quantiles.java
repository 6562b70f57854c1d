package dev.quern.eval;

import java.util.Arrays;

/// Quantiles of any number of numbers in 1 MiB: counts by the leading 18 bits of a float, so each within 0.1 %.
///
/// Negative numbers count as 0.
final class Quantiles {
    /// Bits of a float that are not told apart: the sign is 0, 8 of exponent and 10 of fraction remain.
    private static final int DROPPED = 13;

    private final int[] counts = new int[1 << (31 - DROPPED)];
    private long count;

    void add(double value) {
        counts[Float.floatToIntBits((float) Math.max(0, value)) >>> DROPPED]++;
        count++;
    }

    /// The number that a share `q` of all numbers do not exceed (nearest rank); NaN where there are none.
    double at(double q) {
        if (count == 0) {
            return Double.NaN;
        }
        long rank = Math.max(1, (long) Math.ceil(q * count));
        long seen = 0;
        int bucket = -1;
        while (seen < rank) {
            seen += counts[++bucket];
        }
        float low = Float.intBitsToFloat(bucket << DROPPED);
        float high = Float.intBitsToFloat((bucket + 1) << DROPPED);
        return bucket == 0 || Float.isInfinite(high) ? low : ((double) low + high) / 2;
    }

    @Override
    public String toString() {
        return count + " numbers, quartiles " + Arrays.toString(new double[] {at(0.25), at(0.5), at(0.75)});
    }
}
