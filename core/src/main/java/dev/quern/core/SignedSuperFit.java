package dev.quern.core;

import java.util.Arrays;

/// Fits a block of 256 weights by `d · scale · level`: a float16 d for the block, a whole scale for each sub-block.
///
/// Sub-blocks are fitted alone first. Then d is chosen so that the scales they want lie near whole multiples of it, and
/// in turn each scale moves by one where that helps and d is solved for with all codes chosen, until the error stays.
/// For one thread; the results stand in the fields until the next call.
final class SignedSuperFit {
    private static final int UNITS = 14;
    private static final float LEAST_SHARE = 0.65f;
    private static final int ROUNDS = 4;

    final int[] scales;
    final byte[] levels = new byte[SIZE];
    private static final int SIZE = 256;
    private final LevelFit fit;
    private final int subs;
    private final int each;
    private final int least;
    private final int greatest;
    private final float[] wanted;
    private final double[] curvature;
    private final int[] tried;

    /// Scales run from `least` to `greatest`, one for each of `subs` sub-blocks.
    SignedSuperFit(LevelFit fit, int subs, int least, int greatest) {
        this.fit = fit;
        this.subs = subs;
        this.each = SIZE / subs;
        this.least = least;
        this.greatest = greatest;
        this.wanted = new float[subs];
        this.curvature = new double[subs];
        this.scales = new int[subs];
        this.tried = new int[subs];
    }

    /// Fits `x[0 … 256)` under the weights `w`; sets `scales` and `levels` and returns d, which a float16 holds exactly
    /// unless it is infinite.
    float fit(float[] x, float[] w) {
        float extreme = 0;
        for (int sub = 0; sub < subs; sub++) {
            wanted[sub] = fit.fit(x, w, sub * each, each);
            fit.levels(wanted[sub], x, sub * each, each, levels);
            double sum = 0;
            for (int i = sub * each; i < (sub + 1) * each; i++) {
                sum += w[i] * levels[i] * levels[i];
            }
            curvature[sub] = sum;
            if (Math.abs(wanted[sub]) > Math.abs(extreme)) {
                extreme = wanted[sub];
            }
        }
        if (extreme == 0) {
            Arrays.fill(scales, 0);
            fillLevels(0, x);
            return 0;
        }
        float d = unit(extreme);
        for (int sub = 0; sub < subs; sub++) {
            tried[sub] = d == 0 ? 0 : near(wanted[sub] / d);
        }
        double error = Double.POSITIVE_INFINITY;
        float best = d;
        for (int round = 0; round < ROUNDS; round++) {
            double found = settle(d, x, w);
            if (!(found < error * (1 - 1e-5))) {
                break;
            }
            error = found;
            best = d;
            System.arraycopy(tried, 0, scales, 0, subs);
            d = half(solve(d, x, w));
        }
        fillLevels(best, x);
        return best;
    }

    /// The float16 unit of which the wanted scales are nearest to multiples.
    private float unit(float extreme) {
        double fewest = Double.POSITIVE_INFINITY;
        float unit = half(extreme / least);
        for (int end : new int[] {least, greatest}) {
            for (int k = 0; k < UNITS; k++) {
                float d = half(extreme / (end * (1 - (1 - LEAST_SHARE) * k / UNITS)));
                if (d == 0) {
                    continue;
                }
                double error = 0;
                for (int sub = 0; sub < subs; sub++) {
                    double miss = (double) d * near(wanted[sub] / d) - wanted[sub];
                    error += curvature[sub] * miss * miss;
                }
                if (error < fewest) {
                    fewest = error;
                    unit = d;
                }
            }
        }
        return unit;
    }

    /// Moves each scale by one where that lowers the error; returns the whole error.
    private double settle(float d, float[] x, float[] w) {
        double total = 0;
        for (int sub = 0; sub < subs; sub++) {
            int middle = tried[sub];
            double fewest = Double.POSITIVE_INFINITY;
            for (int scale = Math.max(least, middle - 1); scale <= Math.min(greatest, middle + 1); scale++) {
                double error = fit.error(d * scale, x, w, sub * each, each);
                if (error < fewest) {
                    fewest = error;
                    tried[sub] = scale;
                }
            }
            total += fewest;
        }
        return total;
    }

    private float solve(float d, float[] x, float[] w) {
        double products = 0;
        double squares = 0;
        for (int sub = 0; sub < subs; sub++) {
            fit.levels(d * tried[sub], x, sub * each, each, levels);
            for (int i = sub * each; i < (sub + 1) * each; i++) {
                double value = (double) tried[sub] * levels[i];
                products += w[i] * x[i] * value;
                squares += w[i] * value * value;
            }
        }
        return squares == 0 ? d : (float) (products / squares);
    }

    private void fillLevels(float d, float[] x) {
        for (int sub = 0; sub < subs; sub++) {
            fit.levels(d * scales[sub], x, sub * each, each, levels);
        }
    }

    private int near(float value) {
        return Math.clamp(Math.round(value), least, greatest);
    }

    /// `value` as a float16 holds it.
    static float half(float value) {
        return Float.float16ToFloat(Float.floatToFloat16(value));
    }
}
