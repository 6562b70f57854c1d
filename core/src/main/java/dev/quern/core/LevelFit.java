package dev.quern.core;

import java.util.Arrays;
import java.util.stream.IntStream;

/// Searches a scale s for a few weights so that `Σ w (x − s · level)²` is least, where a level is one of a fixed set of
/// whole numbers.
///
/// With the levels chosen, the best scale is `Σ w x l / Σ w l²`, and it lowers the sum by `(Σ w x l)² / Σ w l²`. Scales
/// that
/// put the extreme value somewhere round either end of the levels are tried, and from the best of them rounding and
/// solving alternate until nothing changes; each step can only lower the sum. Holds scratch memory: for one thread.
final class LevelFit {
    /// Where the extreme value is put, as shares of an end of the levels.
    private static final float FIRST_SHARE = 0.62f;

    private static final float LAST_SHARE = 1.16f;
    private static final int TRIES = 14;
    /// How many of the tried scales are followed up, and how far.
    private static final int FOLLOWED = 2;

    private static final int STEPS = 8;

    private final int low;
    private final int high;
    /// The level nearest to a value v, by ⌊2v⌋ − 2 · low: midpoints of whole numbers are multiples of a half.
    private final byte[] nearest;

    private final float[] inverses = new float[FOLLOWED];
    private final double[] gains = new double[FOLLOWED];
    private double products;
    private double squares;

    /// `levels` in rising order.
    LevelFit(int... levels) {
        low = levels[0];
        high = levels[levels.length - 1];
        nearest = new byte[2 * (high - low) + 1];
        for (int i = 0, at = 0; i < nearest.length; i++) {
            // the middle of the half-open interval that falls on i
            double value = low + i / 2.0 + 0.25;
            while (at + 1 < levels.length && levels[at + 1] - value < value - levels[at]) {
                at++;
            }
            nearest[i] = (byte) levels[at];
        }
    }

    /// All whole numbers from `low` to `high`.
    static LevelFit between(int low, int high) {
        return new LevelFit(IntStream.rangeClosed(low, high).toArray());
    }

    int low() {
        return low;
    }

    int high() {
        return high;
    }

    /// The level nearest to `value`.
    int nearest(float value) {
        return nearest[(int) (2 * (Math.min(Math.max(value, low), high) - low))];
    }

    /// The best scale found for `x[at … at + n)` with the weights `w` at the same places; 0 where all is 0.
    float fit(float[] x, float[] w, int at, int n) {
        float extreme = 0;
        for (int i = at; i < at + n; i++) {
            if (Math.abs(x[i]) > Math.abs(extreme)) {
                extreme = x[i];
            }
        }
        if (extreme == 0) {
            return 0;
        }
        Arrays.fill(gains, -1);
        for (int k = 0; k < TRIES; k++) {
            float share = FIRST_SHARE + (LAST_SHARE - FIRST_SHARE) * k / (TRIES - 1);
            consider(share * low / extreme, x, w, at, n);
            consider(share * high / extreme, x, w, at, n);
        }
        double most = 0;
        float scale = 0;
        for (int f = 0; f < FOLLOWED && gains[f] > 0; f++) {
            sums(inverses[f], x, w, at, n);
            double gain = gains[f];
            double found = products / squares;
            for (int step = 0; step < STEPS; step++) {
                sums((float) (1 / found), x, w, at, n);
                double next = squares == 0 ? 0 : products * products / squares;
                if (next <= gain) {
                    break;
                }
                gain = next;
                found = products / squares;
            }
            if (gain > most) {
                most = gain;
                scale = (float) found;
            }
        }
        return scale;
    }

    private void consider(float inverse, float[] x, float[] w, int at, int n) {
        sums(inverse, x, w, at, n);
        double gain = squares == 0 ? 0 : products * products / squares;
        for (int f = 0; f < FOLLOWED; f++) {
            if (gain > gains[f]) {
                for (int later = FOLLOWED - 1; later > f; later--) {
                    gains[later] = gains[later - 1];
                    inverses[later] = inverses[later - 1];
                }
                gains[f] = gain;
                inverses[f] = inverse;
                return;
            }
        }
    }

    private void sums(float inverse, float[] x, float[] w, int at, int n) {
        float xl = 0;
        float ll = 0;
        for (int i = at; i < at + n; i++) {
            float level = nearest(x[i] * inverse);
            float wl = w[i] * level;
            xl += wl * x[i];
            ll += wl * level;
        }
        products = xl;
        squares = ll;
    }

    /// The weighted squared error where the scale is `scale`.
    double error(float scale, float[] x, float[] w, int at, int n) {
        float inverse = scale == 0 ? 0 : 1 / scale;
        float sum = 0;
        for (int i = at; i < at + n; i++) {
            float e = x[i] - scale * nearest(x[i] * inverse);
            sum += w[i] * e * e;
        }
        return sum;
    }

    /// Stores the levels for `scale` in `levels` at the same places.
    void levels(float scale, float[] x, int at, int n, byte[] levels) {
        float inverse = scale == 0 ? 0 : 1 / scale;
        for (int i = at; i < at + n; i++) {
            levels[i] = (byte) nearest(x[i] * inverse);
        }
    }
}
