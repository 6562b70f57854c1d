package dev.quern.methods;

import dev.quern.core.ActivationScheme;
import dev.quern.core.QuantParams;

/// How large a stage's inputs get over the calibration tokens: the extremes of each column, and how many values there
/// are of each size, in bins of a sixteenth of an octave. Columns that are to stay floats can be left out.
///
/// Gathered in any order and merged: the result does not depend on it. One thread works on one.
public final class InputRanges {
    private static final int STEPS = 16;
    private static final int BINS = 64 * STEPS;
    /// Magnitudes of a bin's lower end: 2^((bin − OFFSET) / STEPS).
    private static final int OFFSET = 40 * STEPS;
    /// Clipped ranges that are tried, each a sixteenth of an octave below the one before.
    private static final int TRIES = 8 * STEPS;

    private final boolean[] exact;
    private final float[] low;
    private final float[] high;
    private final long[] below = new long[BINS];
    private final long[] above = new long[BINS];
    private long count;

    public InputRanges(int size) {
        this(size, new int[0]);
    }

    /// Of all columns but those in `exact`.
    InputRanges(int size, int[] exact) {
        this.exact = new boolean[size];
        for (int column : exact) {
            this.exact[column] = true;
        }
        low = new float[size];
        high = new float[size];
    }

    /// Adds `rows` inputs `x [rows, size]`; values that are not finite do not count.
    void add(float[] x, int rows) {
        int size = low.length;
        for (int i = 0; i < rows * size; i++) {
            float value = x[i];
            int column = i % size;
            if (Float.isFinite(value) && !exact[column]) {
                low[column] = Math.min(low[column], value);
                high[column] = Math.max(high[column], value);
                (value < 0 ? below : above)[bin(Math.abs(value))]++;
                count++;
            }
        }
    }

    private static int bin(float magnitude) {
        if (magnitude < Float.MIN_NORMAL) {
            return 0;
        }
        // the exponent, and the mantissa's place within the octave by its leading bits
        int bits = Float.floatToRawIntBits(magnitude);
        int octave = (bits >>> 23) - 127;
        int step = bits >>> 19 & STEPS - 1;
        return Math.clamp((long) octave * STEPS + step + OFFSET, 0, BINS - 1);
    }

    /// The middle of a bin.
    private static double magnitude(int bin) {
        int place = bin - OFFSET;
        int octave = Math.floorDiv(place, STEPS);
        double step = Math.floorMod(place, STEPS) + 0.5;
        return Math.scalb(1 + step / STEPS, octave);
    }

    /// Takes in what another gathered.
    void merge(InputRanges other) {
        for (int i = 0; i < low.length; i++) {
            low[i] = Math.min(low[i], other.low[i]);
            high[i] = Math.max(high[i], other.high[i]);
        }
        for (int i = 0; i < BINS; i++) {
            below[i] += other.below[i];
            above[i] += other.above[i];
        }
        count += other.count;
    }

    /// `max|x|` of each column.
    public float[] largest() {
        float[] largest = new float[low.length];
        for (int i = 0; i < largest.length; i++) {
            largest[i] = Math.max(-low[i], high[i]);
        }
        return largest;
    }

    /// The stored range of a static scheme that loses least, over all clipped ranges: rounding of what lies inside
    /// at a
    /// twelfth of the squared step a value, and what is cut off outside.
    public QuantParams fixed(ActivationScheme scheme) {
        float min = 0;
        float max = 0;
        for (int i = 0; i < low.length; i++) {
            min = Math.min(min, low[i]);
            max = Math.max(max, high[i]);
        }
        QuantParams best = scheme.params(min, max);
        double least = loss(scheme, best);
        for (int i = 1; i <= TRIES; i++) {
            float bound = (float) (Math.max(-min, max) * Math.pow(2, -i / (double) STEPS));
            QuantParams params = scheme.params(Math.max(min, -bound), Math.min(max, bound));
            double loss = loss(scheme, params);
            if (loss < least) {
                least = loss;
                best = params;
            }
        }
        return best;
    }

    private double loss(ActivationScheme scheme, QuantParams params) {
        double step = params.scale();
        double bottom = step * params.zeroPoint();
        double top = step * (scheme.qmax() - params.zeroPoint());
        double loss = count * step * step / 12;
        for (int i = 0; i < BINS; i++) {
            double magnitude = magnitude(i);
            loss += below[i] * square(magnitude - bottom) + above[i] * square(magnitude - top);
        }
        return loss;
    }

    /// Of what lies outside; inside there is nothing cut off.
    private static double square(double outside) {
        return outside > 0 ? outside * outside : 0;
    }
}
