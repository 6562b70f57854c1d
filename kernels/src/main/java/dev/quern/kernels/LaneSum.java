package dev.quern.kernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;

/// The sum of a vector's lanes in a fixed order.
///
/// `reduceLanes(ADD)` leaves the order open, and the interpreter and the compiler take different ones: a result would
/// change in its last bits when a method gets compiled, hence from run to run.
final class LaneSum {
    private static final int L = VectorWidth.LANES;
    private static final VectorShuffle<Float> BY_8 = VectorWidth.FLOATS.iotaShuffle(8 % L, 1, true);
    private static final VectorShuffle<Float> BY_4 = VectorWidth.FLOATS.iotaShuffle(4 % L, 1, true);
    private static final VectorShuffle<Float> BY_2 = VectorWidth.FLOATS.iotaShuffle(2, 1, true);
    private static final VectorShuffle<Float> BY_1 = VectorWidth.FLOATS.iotaShuffle(1, 1, true);

    private LaneSum() {}

    /// Halves are added until one lane is left: lane i and lane i + L/2, and so on.
    static float of(FloatVector v) {
        FloatVector sum = v;
        if (L > 8) {
            sum = sum.add(sum.rearrange(BY_8));
        }
        if (L > 4) {
            sum = sum.add(sum.rearrange(BY_4));
        }
        sum = sum.add(sum.rearrange(BY_2));
        return sum.add(sum.rearrange(BY_1)).lane(0);
    }

    /// The same of `LANES` floats in an array, which it spoils: a vector that is handed on, not kept in
    /// a register, costs memory.
    static float of(float[] lanes, int at) {
        for (int half = L / 2; half > 0; half /= 2) {
            for (int i = at; i < at + half; i++) {
                lanes[i] += lanes[i + half];
            }
        }
        return lanes[at];
    }
}
