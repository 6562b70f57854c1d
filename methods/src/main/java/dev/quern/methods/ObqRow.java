package dev.quern.methods;

import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/// OBQ on one row (arXiv:2208.11580, section 4): weights are rounded one after the other, each time the one that
/// costs
/// least, and all that are left make up for it.
///
/// Legend: `w` the row as it stands, `f` the inverse Hessian of the weights that are left. A weight that has been
/// pushed
/// off the grid by more than half a step is rounded at once, for it would only get worse.
final class ObqRow {
    private final int size;
    private final double[] w;
    private final double[] f;
    /// The columns that are left, in the order of `f`'s first `left` rows.
    private final int[] columns;
    private final double[] line;
    private final int[] order;
    private int left;
    private double loss;

    /// What the row's grid makes of a weight.
    interface Nearest {
        double value(int col, double weight);
    }

    /// `row [size]` and `inverse [size, size]` are used up; `steps` is the grid's step at each column.
    ObqRow(double[] row, double[] inverse, Nearest nearest, IntToDoubleFunction steps) {
        this.size = row.length;
        this.w = row;
        this.f = inverse;
        this.columns = IntStream.range(0, size).toArray();
        this.line = new double[size];
        this.left = size;
        this.order = new int[size];
        for (int step = 0; step < size; step++) {
            int place = cheapest(nearest, steps);
            order[step] = columns[place];
            round(place, nearest);
        }
    }

    /// The place among those that are left.
    private int cheapest(Nearest nearest, IntToDoubleFunction steps) {
        int best = -1;
        double least = Double.POSITIVE_INFINITY;
        double farthest = 0;
        for (int place = 0; place < left; place++) {
            int col = columns[place];
            double error = w[col] - nearest.value(col, w[col]);
            // a hair beyond half a step, for rounding in float puts some exactly there
            double off = Math.abs(error) / steps.applyAsDouble(col);
            double cost = error * error / f[place * size + place];
            if (off > 0.5001 && off > farthest) {
                farthest = off;
                best = place;
            } else if (farthest == 0 && (cost < least || best < 0)) {
                least = cost;
                best = place;
            }
        }
        return best;
    }

    private void round(int place, Nearest nearest) {
        int col = columns[place];
        double value = nearest.value(col, w[col]);
        double pivot = f[place * size + place];
        double share = (w[col] - value) / pivot;
        loss += share * share * pivot;
        System.arraycopy(f, place * size, line, 0, left);
        remove(place);
        w[col] = value;
        for (int i = 0; i < left; i++) {
            w[columns[i]] -= share * line[i];
            Axpy.add(f, i * size, line, 0, left, -line[i] / pivot);
        }
    }

    /// The last of those that are left takes the place of the removed one.
    private void remove(int place) {
        left--;
        double corner = f[left * size + left];
        columns[place] = columns[left];
        line[place] = line[left];
        System.arraycopy(f, left * size, f, place * size, left);
        for (int i = 0; i < left; i++) {
            f[i * size + place] = f[place * size + i];
        }
        f[place * size + place] = corner;
    }

    /// The rounded weights.
    double[] values() {
        return w;
    }

    /// The columns in the order in which they were rounded.
    int[] order() {
        return order;
    }

    /// `Δ·H·Δᵀ`, exactly.
    double loss() {
        return loss;
    }
}
