package dev.quern.core;

import java.util.Arrays;

/// Searches a scale s and a minimum m for a few weights so that `Σ w (x − (s · q + m))²` is least, q a whole number
/// from 0
/// to `most`.
///
/// With the codes chosen, the best s and m solve a system of two equations. Ranges at and within that of the values are
/// tried, and from the best of them rounding and solving alternate until nothing changes. Holds scratch memory: for one
/// thread.
final class RangeFit {
    private static final float[] CUTS = {0.06f, 0.14f, 0.25f};
    private static final float[] STEPS_MORE = {-0.6f, -0.3f, 0, 0.3f};
    private static final int FOLLOWED = 3;
    private static final int STEPS = 8;

    private final int most;
    private final boolean negativeOnly;
    private final double[] errors = new double[FOLLOWED];
    private final float[] scales = new float[FOLLOWED];
    private final float[] minima = new float[FOLLOWED];
    private float scale;
    private float minimum;
    private double error;
    private double sumW;
    private double sumWx;
    private double sumWxx;

    /// With `negativeOnly` the minimum is at most 0.
    RangeFit(int most, boolean negativeOnly) {
        this.most = most;
        this.negativeOnly = negativeOnly;
    }

    int most() {
        return most;
    }

    /// What the last `fit` found.
    float scale() {
        return scale;
    }

    float minimum() {
        return minimum;
    }

    /// Finds scale and minimum for `x[at … at + n)` with the weights `w` at the same places.
    void fit(float[] x, float[] w, int at, int n) {
        float min = Float.POSITIVE_INFINITY;
        float max = Float.NEGATIVE_INFINITY;
        sumW = 0;
        sumWx = 0;
        sumWxx = 0;
        for (int i = at; i < at + n; i++) {
            min = Math.min(min, x[i]);
            max = Math.max(max, x[i]);
            sumW += w[i];
            sumWx += (double) w[i] * x[i];
            sumWxx += (double) w[i] * x[i] * x[i];
        }
        if (negativeOnly && min > 0) {
            min = 0;
        }
        if (!(max > min) || !(sumW > 0)) {
            scale = 0;
            minimum = min;
            return;
        }
        Arrays.fill(errors, Double.POSITIVE_INFINITY);
        for (float more : STEPS_MORE) {
            consider(max, min, more, x, w, at, n);
            for (float cut : CUTS) {
                consider(max - cut * (max - min), min, more, x, w, at, n);
                consider(max, min + cut * (max - min), more, x, w, at, n);
                consider(max - cut / 2 * (max - min), min + cut / 2 * (max - min), more, x, w, at, n);
            }
        }
        double least = Double.POSITIVE_INFINITY;
        float bestScale = 0;
        float bestMinimum = 0;
        for (int f = 0; f < FOLLOWED && errors[f] < Double.POSITIVE_INFINITY; f++) {
            double before = errors[f];
            float s = scales[f];
            float m = minima[f];
            for (int step = 0; step < STEPS && s > 0; step++) {
                solve(1 / s, m, x, w, at, n);
                if (!(error < before)) {
                    break;
                }
                before = error;
                s = scale;
                m = minimum;
            }
            if (before < least) {
                least = before;
                bestScale = s;
                bestMinimum = m;
            }
        }
        scale = bestScale;
        minimum = bestMinimum;
    }

    private void consider(float top, float bottom, float more, float[] x, float[] w, int at, int n) {
        if (negativeOnly && bottom > 0 || !(top > bottom)) {
            return;
        }
        solve((most + more) / (top - bottom), bottom, x, w, at, n);
        for (int f = 0; f < FOLLOWED; f++) {
            if (error < errors[f]) {
                for (int later = FOLLOWED - 1; later > f; later--) {
                    errors[later] = errors[later - 1];
                    scales[later] = scales[later - 1];
                    minima[later] = minima[later - 1];
                }
                errors[f] = error;
                scales[f] = scale;
                minima[f] = minimum;
                return;
            }
        }
    }

    /// Rounds with the given scale and minimum and solves for the best ones.
    private void solve(float inverse, float bottom, float[] x, float[] w, int at, int n) {
        float q1 = 0;
        float q2 = 0;
        float qx = 0;
        for (int i = at; i < at + n; i++) {
            float q = code((x[i] - bottom) * inverse);
            float wq = w[i] * q;
            q1 += wq;
            q2 += wq * q;
            qx += wq * x[i];
        }
        double determinant = sumW * q2 - (double) q1 * q1;
        double s = determinant > 1e-12 * sumW * q2 ? (sumW * qx - sumWx * q1) / determinant : 0;
        double m = (sumWx - s * q1) / sumW;
        if (negativeOnly && m > 0) {
            m = 0;
            s = q2 > 0 ? qx / (double) q2 : 0;
        }
        scale = (float) s;
        minimum = (float) m;
        error = s > 0 ? sumWxx - 2 * s * qx - 2 * m * sumWx + s * s * q2 + 2 * s * m * q1 + m * m * sumW : 1e300;
    }

    private float code(float value) {
        return (int) (Math.min(Math.max(value, 0), most) + 0.5f);
    }

    /// The weighted squared error with the given scale and minimum.
    double error(float s, float m, float[] x, float[] w, int at, int n) {
        float inverse = s == 0 ? 0 : 1 / s;
        float sum = 0;
        for (int i = at; i < at + n; i++) {
            float e = x[i] - (s * code((x[i] - m) * inverse) + m);
            sum += w[i] * e * e;
        }
        return sum;
    }

    /// Stores the codes in `codes` at the same places.
    void codes(float s, float m, float[] x, int at, int n, byte[] codes) {
        float inverse = s == 0 ? 0 : 1 / s;
        for (int i = at; i < at + n; i++) {
            codes[i] = (byte) code((x[i] - m) * inverse);
        }
    }
}
