package dev.quern.kernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// `eˣ` on vectors, within 2 units in the last place of the true value, subnormal and infinite ends included.
///
/// x = n·ln 2 + r with |r| ≤ ln 2 / 2; e^r by its series to degree 7; times 2^n in two steps, so that neither end
/// overflows early. The series is its own oracle: the test compares with `Math.exp` over the whole range.
final class VectorExp {
    private static final VectorSpecies<Float> F = VectorWidth.FLOATS;
    private static final float LOG2_E = 1.442695f;

    /// ln 2 in two parts; the first has few bits, so that n times it is exact.
    private static final float LN2_HIGH = 0.693359375f;

    private static final float LN2_LOW = -2.12194440e-4f;

    /// 1.5 · 2^23: adding and taking it away rounds to an integer.
    private static final float ROUND = 12582912f;

    private VectorExp() {}

    static FloatVector exp(FloatVector x) {
        FloatVector shifted = x.lanewise(VectorOperators.FMA, FloatVector.broadcast(F, LOG2_E), ROUND);
        FloatVector n = shifted.sub(ROUND);
        FloatVector r = n.fma(FloatVector.broadcast(F, -LN2_HIGH), x);
        r = n.fma(FloatVector.broadcast(F, -LN2_LOW), r);
        FloatVector p = FloatVector.broadcast(F, 1f / 5040);
        p = p.fma(r, FloatVector.broadcast(F, 1f / 720));
        p = p.fma(r, FloatVector.broadcast(F, 1f / 120));
        p = p.fma(r, FloatVector.broadcast(F, 1f / 24));
        p = p.fma(r, FloatVector.broadcast(F, 1f / 6));
        p = p.fma(r, FloatVector.broadcast(F, 0.5f));
        p = p.fma(r, FloatVector.broadcast(F, 1f));
        p = p.fma(r, FloatVector.broadcast(F, 1f));
        // the low bits of the shifted value are n in two's complement
        IntVector power = shifted.reinterpretAsInts().sub(Float.floatToRawIntBits(ROUND));
        power = power.max(-180).min(160);
        IntVector half = power.lanewise(VectorOperators.ASHR, 1);
        FloatVector first = half.add(127).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
        FloatVector second =
                power.sub(half).add(127).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
        FloatVector e = p.mul(first).mul(second);
        // ends: the rounding trick holds only for moderate x
        e = e.blend(0f, x.lt(-110f));
        return e.blend(Float.POSITIVE_INFINITY, x.compare(VectorOperators.GT, 100f));
    }
}
