package dev.quern.methods;

import dev.quern.core.QuantScheme;
import java.util.Arrays;

/// Learned weight clipping (OmniQuant, arXiv:2308.13137, eq. 2) of one matrix `[rows, cols]`: each group's range is
/// `σ(low) · min w … σ(high) · max w`, and the weights are rounded to nearest on the grid of that range.
///
/// `forward` gives exactly what round to nearest with min–max ranges makes of the weights that `clamp` leaves, so what
/// is
/// trained is what is stored. `backward` passes the gradient straight through rounding, through the storage type's
/// rounding of scales and through that of zero points: an element within the range has slope 1, one beyond it the slope
/// of its end, and the ends also feel the rounding errors of the whole group, as the step grows with them. By hand and
/// not by libtorch, since one pass over memory replaces some fifteen; rows are spread over the workers, and no result
/// depends on their number.
final class LearnedClip {
    /// `σ(4) = 0.982`: where OmniQuant begins.
    static final double OPEN = 4;

    /// What `search` tries, the widest first.
    private static final double[] SHARES = {0.985, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.5, 0.4};

    private static final int STRIP = 16;

    private final int rows;
    private final int cols;
    private final int groupSize;
    private final int groups;
    private final int qmax;
    private final boolean symmetric;
    private final Grid grid;
    private final float[] lows;
    private final float[] highs;
    private final int[] lowest;
    private final int[] highest;

    LearnedClip(int rows, int cols, QuantScheme scheme) {
        this.rows = rows;
        this.cols = cols;
        this.grid = new Grid(rows, cols, scheme);
        this.groupSize = grid.groupSize();
        this.groups = grid.groups();
        this.qmax = scheme.qmax();
        this.symmetric = scheme.symmetric();
        this.lows = new float[rows * groups];
        this.highs = new float[rows * groups];
        this.lowest = new int[rows * groups];
        this.highest = new int[rows * groups];
    }

    /// The number of groups, which is that of `low` and of `high`.
    int count() {
        return rows * groups;
    }

    /// The shares of the range that is kept, from what is learned; null = the whole range.
    record Shares(double[] low, double[] high) {}

    /// Puts the quantized values of `weight` into `target`.
    void forward(float[] weight, Shares shares, float[] target, Parallel parallel) {
        each(parallel, (row, group) -> {
            range(weight, row, group, shares);
            int at = row * groups + group;
            float low = lows[at];
            float high = highs[at];
            float scale = grid.scale(row, group);
            float bottom = -grid.zero(row, group);
            float top = qmax + bottom;
            int from = row * cols + group * groupSize;
            for (int i = from; i < from + groupSize; i++) {
                float clamped = Math.min(Math.max(weight[i], low), high);
                target[i] = scale * Grid.steps(clamped, scale, bottom, top);
            }
        });
    }

    /// Clamps `weight` to the learned ranges: the range of what is left is the learned one.
    void clamp(float[] weight, Shares shares, Parallel parallel) {
        each(parallel, (row, group) -> {
            range(weight, row, group, shares);
            int at = row * groups + group;
            int from = row * cols + group * groupSize;
            for (int i = from; i < from + groupSize; i++) {
                weight[i] = Math.min(Math.max(weight[i], lows[at]), highs[at]);
            }
        });
    }

    /// Turns the gradient of the quantized values, `gradient`, into that of the weights, in place, and of the logits
    /// into
    /// `low` and `high`. The last `forward` was with these weights and shares.
    void backward(float[] weight, Shares shares, float[] gradient, double[] low, double[] high, Parallel parallel) {
        each(parallel, (row, group) -> backward(weight, shares, gradient, low, high, row, group));
    }

    /// The share of each group's range, from `SHARES`, that loses least; column j's squared error counts
    /// `importance[j]`.
    double[] search(float[] weight, double[] importance, Parallel parallel) {
        double[] best = new double[count()];
        double[] errors = new double[count()];
        Arrays.fill(errors, Double.POSITIVE_INFINITY);
        float[] trial = new float[weight.length];
        for (double share : SHARES) {
            double[] shares = new double[count()];
            Arrays.fill(shares, share);
            forward(weight, new Shares(shares, shares), trial, parallel);
            each(parallel, (row, group) -> {
                int at = row * groups + group;
                int column = group * groupSize;
                int from = row * cols + column;
                double error = 0;
                for (int i = 0; i < groupSize; i++) {
                    double gap = (double) weight[from + i] - trial[from + i];
                    error += importance[column + i] * gap * gap;
                }
                if (error < errors[at]) {
                    errors[at] = error;
                    best[at] = share;
                }
            });
        }
        return best;
    }

    /// What plain rounding to nearest loses of `weight`, each column's squared error weighed.
    double roundingError(float[] weight, double[] importance, Parallel parallel) {
        double[] ones = new double[count()];
        Arrays.fill(ones, 1);
        float[] rounded = new float[weight.length];
        forward(weight, new Shares(ones, ones), rounded, parallel);
        double[] errors = new double[rows];
        parallel.run(rows, row -> {
            double error = 0;
            for (int j = 0; j < cols; j++) {
                double gap = (double) weight[row * cols + j] - rounded[row * cols + j];
                error += importance[j] * gap * gap;
            }
            errors[row] = error;
        });
        return Arrays.stream(errors).sum();
    }

    private void backward(
            float[] weight, Shares shares, float[] gradient, double[] low, double[] high, int row, int group) {
        int at = row * groups + group;
        float bottomValue = lows[at];
        float topValue = highs[at];
        float scale = grid.scale(row, group);
        float bottom = -grid.zero(row, group);
        float top = qmax + bottom;
        float below = 0;
        float above = 0;
        float rounding = 0;
        int from = row * cols + group * groupSize;
        for (int i = from; i < from + groupSize; i++) {
            float w = weight[i];
            float g = gradient[i];
            float clamped = Math.min(Math.max(w, bottomValue), topValue);
            rounding += g * (Grid.steps(clamped, scale, bottom, top) - clamped / scale);
            below += w < bottomValue ? g : 0;
            above += w > topValue ? g : 0;
            gradient[i] = w == clamped ? g : 0;
        }
        double share = rounding / qmax;
        double toLow = below - share;
        double toHigh = above + share;
        if (symmetric) {
            // One end alone sets the step, and both ends follow it.
            boolean highSets = topValue >= -bottomValue;
            toHigh = above + (highSets ? 2 * share : 0);
            toLow = below - (highSets ? 0 : 2 * share);
        }
        finish(shares, gradient, low, high, at, toLow, toHigh);
    }

    private void finish(
            Shares shares, float[] gradient, double[] low, double[] high, int at, double toLow, double toHigh) {
        double lowShare = shares.low[at];
        double highShare = shares.high[at];
        low[at] = 0;
        high[at] = 0;
        if (lows[at] < 0) {
            low[at] = toLow * lows[at] * (1 - lowShare);
            gradient[lowest[at]] += (float) (toLow * lowShare);
        }
        if (highs[at] > 0) {
            high[at] = toHigh * highs[at] * (1 - highShare);
            gradient[highest[at]] += (float) (toHigh * highShare);
        }
    }

    /// Sets the group's ends, where they come from, and its scale and zero point: `GridSearch` with min–max ranges, on
    /// the clamped weights.
    private void range(float[] weight, int row, int group, Shares shares) {
        int at = row * groups + group;
        int from = row * cols + group * groupSize;
        float low = 0;
        float high = 0;
        for (int i = from; i < from + groupSize; i++) {
            low = Math.min(low, weight[i]);
            high = Math.max(high, weight[i]);
        }
        for (int i = from; i < from + groupSize; i++) {
            if (weight[i] == low) {
                lowest[at] = i;
            }
            if (weight[i] == high) {
                highest[at] = i;
            }
        }
        low = (float) (low * shares.low[at]);
        high = (float) (high * shares.high[at]);
        lows[at] = low;
        highs[at] = high;
        if (!(low < high)) {
            grid.set(row, group, 1, grid.minZero());
        } else if (symmetric) {
            grid.set(row, group, grid.storable(2.0 * Math.max(-low, high) / qmax), grid.minZero());
        } else {
            float step = grid.storable(((double) high - low) / qmax);
            int zero = (int) Math.rint(-low / step);
            if (zero < grid.minZero()) {
                step = grid.storable(Math.max(high / (double) (qmax - 1), -low));
            }
            grid.set(row, group, step, Math.clamp(zero, grid.minZero(), qmax));
        }
    }

    private interface GroupBody {
        void accept(int row, int group);
    }

    private void each(Parallel parallel, GroupBody body) {
        parallel.run((rows + STRIP - 1) / STRIP, task -> {
            int end = Math.min(rows, (task + 1) * STRIP);
            for (int row = task * STRIP; row < end; row++) {
                for (int group = 0; group < groups; group++) {
                    body.accept(row, group);
                }
            }
        });
    }
}
