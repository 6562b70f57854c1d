package dev.quern.core;

import java.util.Arrays;

/// Fits a block of 256 weights by signs and runs of a grid: `d · share · (2 · scale + 1) · ±grid`, a float16 d for the
/// block
/// and a 4-bit scale for each sub-block.
///
/// Signs come first: where eight weights must have an even number of minus signs, the weight whose sign costs least
/// gets
/// the wrong one. Then, as in `SignedSuperFit`: sub-blocks alone, a unit that suits them, scales by one and the unit by
/// least squares in turn. The run for some weights is the best, by weighted error, of those near them in the lattice.
/// For
/// one thread; the results stand in the fields until the next call.
final class GridSuperFit {
    private static final int SIZE = 256;
    private static final int MOST = 15;
    private static final float FIRST_SHARE = 0.5f;
    private static final float LAST_SHARE = 1.2f;
    private static final int TRIES = 14;
    private static final int STEPS = 4;
    private static final int UNITS = 16;
    private static final float LEAST_SHARE = 0.7f;
    private static final int ROUNDS = 3;

    final int[] scales;
    /// A run for each `width` weights.
    final int[] runs;
    /// A bit for each weight, eight to a byte, set for minus.
    final byte[] signs = new byte[SIZE / 8];
    private final GridNeighbours near;
    private final boolean evenSigns;
    private final float share;
    private final int subs;
    private final int each;
    private final int width;
    private final float[] magnitudes = new float[SIZE];
    private final float[] scaled = new float[SIZE];
    private final float[] wanted;
    private final double[] curvature;
    private final int[] tried;
    private double products;
    private double squares;
    private double misses;

    GridSuperFit(BlockGrid grid, boolean evenSigns, int subs, float share) {
        this.near = GridNeighbours.of(grid);
        this.evenSigns = evenSigns;
        this.share = share;
        this.subs = subs;
        this.each = SIZE / subs;
        this.width = grid.width();
        this.scales = new int[subs];
        this.runs = new int[SIZE / width];
        this.wanted = new float[subs];
        this.curvature = new double[subs];
        this.tried = new int[subs];
    }

    /// Fits `x[0 … 256)` under the weights `w`; sets the fields and returns d, which a float16 holds exactly unless it
    /// is infinite.
    float fit(float[] x, float[] w) {
        split(x, w);
        float extreme = 0;
        for (int sub = 0; sub < subs; sub++) {
            wanted[sub] = alone(w, sub);
            curvature[sub] = squares;
            extreme = Math.max(extreme, wanted[sub]);
        }
        float d = extreme == 0 ? 0 : unit(extreme);
        for (int sub = 0; sub < subs; sub++) {
            tried[sub] = d == 0 ? 0 : near(wanted[sub], d * share);
        }
        double error = Double.POSITIVE_INFINITY;
        float best = d;
        for (int round = 0; round < ROUNDS && d > 0; round++) {
            double found = settle(d, w);
            if (!(found < error * (1 - 1e-4))) {
                break;
            }
            error = found;
            best = d;
            System.arraycopy(tried, 0, scales, 0, subs);
            d = rounded(solve(d, w));
        }
        if (best == 0) {
            Arrays.fill(scales, 0);
        }
        for (int sub = 0; sub < subs; sub++) {
            choose(best * share * (2 * scales[sub] + 1), w, sub);
        }
        return best;
    }

    private void split(float[] x, float[] w) {
        Arrays.fill(signs, (byte) 0);
        for (int from = 0; from < SIZE; from += 8) {
            int bits = 0;
            int cheapest = from;
            for (int i = from; i < from + 8; i++) {
                magnitudes[i] = Math.abs(x[i]);
                bits |= (x[i] < 0 ? 1 : 0) << i - from;
                if (w[i] * x[i] * x[i] < w[cheapest] * x[cheapest] * x[cheapest]) {
                    cheapest = i;
                }
            }
            if (evenSigns && Integer.bitCount(bits) % 2 == 1) {
                bits ^= 1 << cheapest - from;
                magnitudes[cheapest] = -magnitudes[cheapest];
            }
            signs[from / 8] = (byte) bits;
        }
    }

    /// The best scale found for one sub-block; leaves the sums that belong to it.
    private float alone(float[] w, int sub) {
        float most = 0;
        for (int i = sub * each; i < (sub + 1) * each; i++) {
            most = Math.max(most, magnitudes[i]);
        }
        squares = 0;
        if (most == 0) {
            return 0;
        }
        double gain = -1;
        float best = 0;
        for (int k = 0; k < TRIES; k++) {
            float part = FIRST_SHARE + (LAST_SHARE - FIRST_SHARE) * k / (TRIES - 1);
            float scale = most / (near.greatest() * part);
            choose(scale, w, sub);
            if (gain() > gain) {
                gain = gain();
                best = (float) (products / squares);
            }
        }
        for (int step = 0; step < STEPS; step++) {
            choose(best, w, sub);
            if (!(gain() > gain)) {
                break;
            }
            gain = gain();
            best = (float) (products / squares);
        }
        return best;
    }

    private double gain() {
        return products > 0 ? products * products / squares : 0;
    }

    /// Chooses the runs of a sub-block at `scale` and sums what belongs to them.
    private void choose(float scale, float[] w, int sub) {
        float inverse = scale == 0 ? 0 : 1 / scale;
        for (int i = sub * each; i < (sub + 1) * each; i++) {
            scaled[i] = magnitudes[i] * inverse;
        }
        BlockGrid grid = near.grid();
        double gx = 0;
        double gg = 0;
        double missed = 0;
        for (int from = sub * each; from < (sub + 1) * each; from += width) {
            int at = near.at(scaled, from);
            float least = Float.POSITIVE_INFINITY;
            int best = near.run(at, 0);
            for (int k = 0; k < GridNeighbours.COUNT; k++) {
                int run = near.run(at, k);
                float miss = 0;
                for (int j = 0; j < width; j++) {
                    float gap = scaled[from + j] - grid.value(run, j);
                    miss += w[from + j] * gap * gap;
                }
                if (miss < least) {
                    least = miss;
                    best = run;
                }
            }
            runs[from / width] = best;
            missed += least;
            for (int j = 0; j < width; j++) {
                float wg = w[from + j] * grid.value(best, j);
                gx += wg * magnitudes[from + j];
                gg += wg * grid.value(best, j);
            }
        }
        products = gx;
        squares = gg;
        misses = missed * scale * scale;
    }

    /// The float16 unit of which the wanted scales are nearest to odd multiples.
    private float unit(float extreme) {
        double fewest = Double.POSITIVE_INFINITY;
        float unit = rounded(extreme / (2 * MOST + 1) / share);
        for (int k = 0; k < UNITS; k++) {
            float d = rounded(extreme / ((2 * MOST + 1) * (1 - (1 - LEAST_SHARE) * (k - 1) / UNITS)) / share);
            double error = 0;
            for (int sub = 0; sub < subs; sub++) {
                double miss = (double) d * share * (2 * near(wanted[sub], d * share) + 1) - wanted[sub];
                error += curvature[sub] * miss * miss;
            }
            if (d > 0 && error < fewest) {
                fewest = error;
                unit = d;
            }
        }
        return unit;
    }

    private double settle(float d, float[] w) {
        double total = 0;
        for (int sub = 0; sub < subs; sub++) {
            int middle = tried[sub];
            double fewest = Double.POSITIVE_INFINITY;
            for (int scale = Math.max(0, middle - 1); scale <= Math.min(MOST, middle + 1); scale++) {
                choose(d * share * (2 * scale + 1), w, sub);
                if (misses < fewest) {
                    fewest = misses;
                    tried[sub] = scale;
                }
            }
            total += fewest;
        }
        return total;
    }

    private float solve(float d, float[] w) {
        double above = 0;
        double below = 0;
        for (int sub = 0; sub < subs; sub++) {
            double scale = share * (2 * tried[sub] + 1);
            choose((float) (d * scale), w, sub);
            above += scale * products;
            below += scale * scale * squares;
        }
        return below > 0 && above > 0 ? (float) (above / below) : d;
    }

    private static float rounded(float d) {
        return SignedSuperFit.half(d);
    }

    private int near(float value, float unit) {
        return unit == 0 ? 0 : Math.clamp(Math.round((value / unit - 1) / 2), 0, MOST);
    }
}
