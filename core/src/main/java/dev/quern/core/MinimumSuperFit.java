package dev.quern.core;

/// Fits a block of 256 weights by `d · scale · q − dmin · minimum`: two float16 units for the block, a whole scale and
/// a
/// whole minimum for each sub-block.
///
/// The way of `SignedSuperFit`: sub-blocks alone, then units that suit them, then scales and minima by one and both
/// units
/// by least squares in turn, until the error stays. For one thread; results stand in the fields until the next call.
final class MinimumSuperFit {
    private static final int SIZE = 256;
    private static final int UNITS = 20;
    private static final float LEAST_SHARE = 0.6f;
    private static final int ROUNDS = 4;

    final int[] scales;
    final int[] minima;
    final byte[] codes = new byte[SIZE];
    float unit;
    float minimumUnit;
    private final RangeFit fit;
    private final int subs;
    private final int each;
    private final int most;
    private final float[] wantedScale;
    private final float[] wantedMinimum;
    private final double[] scaleWeight;
    private final double[] minimumWeight;
    private final int[] triedScale;
    private final int[] triedMinimum;

    /// Scales and minima run from 0 to `most`, for each of `subs` sub-blocks.
    MinimumSuperFit(RangeFit fit, int subs, int most) {
        this.fit = fit;
        this.subs = subs;
        this.each = SIZE / subs;
        this.most = most;
        this.scales = new int[subs];
        this.minima = new int[subs];
        this.wantedScale = new float[subs];
        this.wantedMinimum = new float[subs];
        this.scaleWeight = new double[subs];
        this.minimumWeight = new double[subs];
        this.triedScale = new int[subs];
        this.triedMinimum = new int[subs];
    }

    /// Fits `x[0 … 256)` under the weights `w`; sets the fields. The units are as a float16 holds them.
    void fit(float[] x, float[] w) {
        for (int sub = 0; sub < subs; sub++) {
            fit.fit(x, w, sub * each, each);
            wantedScale[sub] = fit.scale();
            wantedMinimum[sub] = -fit.minimum();
            fit.codes(fit.scale(), fit.minimum(), x, sub * each, each, codes);
            double squares = 0;
            double sum = 0;
            for (int i = sub * each; i < (sub + 1) * each; i++) {
                squares += (double) w[i] * codes[i] * codes[i];
                sum += w[i];
            }
            scaleWeight[sub] = squares;
            minimumWeight[sub] = sum;
        }
        float d = unit(wantedScale, scaleWeight);
        float dmin = unit(wantedMinimum, minimumWeight);
        for (int sub = 0; sub < subs; sub++) {
            triedScale[sub] = near(wantedScale[sub], d);
            triedMinimum[sub] = near(wantedMinimum[sub], dmin);
        }
        double error = Double.POSITIVE_INFINITY;
        unit = d;
        minimumUnit = dmin;
        for (int round = 0; round < ROUNDS; round++) {
            double found = settle(d, dmin, x, w);
            if (!(found < error * (1 - 1e-5))) {
                break;
            }
            error = found;
            unit = d;
            minimumUnit = dmin;
            System.arraycopy(triedScale, 0, scales, 0, subs);
            System.arraycopy(triedMinimum, 0, minima, 0, subs);
            double[] solved = solve(d, dmin, x, w);
            d = SignedSuperFit.half((float) solved[0]);
            dmin = SignedSuperFit.half((float) solved[1]);
        }
        for (int sub = 0; sub < subs; sub++) {
            fit.codes(unit * scales[sub], -minimumUnit * minima[sub], x, sub * each, each, codes);
        }
    }

    /// The float16 unit of which the wanted values are nearest to multiples.
    private float unit(float[] wanted, double[] weight) {
        float greatest = 0;
        for (float value : wanted) {
            greatest = Math.max(greatest, value);
        }
        double fewest = Double.POSITIVE_INFINITY;
        float unit = 0;
        for (int k = 0; k < UNITS && greatest > 0; k++) {
            float d = SignedSuperFit.half(greatest / (most * (1 - (1 - LEAST_SHARE) * (k - 1) / UNITS)));
            double error = 0;
            for (int sub = 0; sub < subs; sub++) {
                double miss = (double) d * near(wanted[sub], d) - wanted[sub];
                error += weight[sub] * miss * miss;
            }
            if (error < fewest) {
                fewest = error;
                unit = d;
            }
        }
        return unit;
    }

    /// Moves each scale and minimum by one where that lowers the error; returns the whole error.
    private double settle(float d, float dmin, float[] x, float[] w) {
        double total = 0;
        for (int sub = 0; sub < subs; sub++) {
            int scale = triedScale[sub];
            int minimum = triedMinimum[sub];
            double fewest = Double.POSITIVE_INFINITY;
            for (int s = Math.max(0, scale - 1); s <= Math.min(most, scale + 1); s++) {
                for (int m = Math.max(0, minimum - 1); m <= Math.min(most, minimum + 1); m++) {
                    double error = fit.error(d * s, -dmin * m, x, w, sub * each, each);
                    if (error < fewest) {
                        fewest = error;
                        triedScale[sub] = s;
                        triedMinimum[sub] = m;
                    }
                }
            }
            total += fewest;
        }
        return total;
    }

    /// The best units with all codes, scales and minima chosen.
    private double[] solve(float d, float dmin, float[] x, float[] w) {
        double aa = 0;
        double ab = 0;
        double bb = 0;
        double ax = 0;
        double bx = 0;
        for (int sub = 0; sub < subs; sub++) {
            fit.codes(d * triedScale[sub], -dmin * triedMinimum[sub], x, sub * each, each, codes);
            double b = -triedMinimum[sub];
            for (int i = sub * each; i < (sub + 1) * each; i++) {
                double a = triedScale[sub] * codes[i];
                aa += w[i] * a * a;
                ab += w[i] * a * b;
                bb += w[i] * b * b;
                ax += w[i] * a * x[i];
                bx += w[i] * b * x[i];
            }
        }
        double determinant = aa * bb - ab * ab;
        if (bb == 0) {
            return new double[] {aa == 0 ? d : ax / aa, dmin};
        }
        if (!(determinant > 1e-12 * aa * bb)) {
            return new double[] {d, aa == 0 ? bx / bb : dmin};
        }
        return new double[] {(ax * bb - bx * ab) / determinant, (bx * aa - ax * ab) / determinant};
    }

    private int near(float value, float unit) {
        return unit == 0 ? 0 : Math.clamp(Math.round(value / unit), 0, most);
    }
}
