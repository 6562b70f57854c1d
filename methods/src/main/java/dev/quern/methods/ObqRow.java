package dev.quern.methods;

import java.util.function.IntToDoubleFunction;

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
    private final boolean[] done;
    private final int[] order;
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
        this.done = new boolean[size];
        this.order = new int[size];
        for (int step = 0; step < size; step++) {
            int q = cheapest(nearest, steps);
            order[step] = q;
            round(q, nearest);
        }
    }

    private int cheapest(Nearest nearest, IntToDoubleFunction steps) {
        int best = -1;
        double least = Double.POSITIVE_INFINITY;
        double farthest = 0;
        for (int i = 0; i < size; i++) {
            if (done[i]) {
                continue;
            }
            double error = w[i] - nearest.value(i, w[i]);
            // a hair beyond half a step, for rounding in float puts some exactly there
            double off = Math.abs(error) / steps.applyAsDouble(i);
            double cost = error * error / f[i * size + i];
            if (off > 0.5001 && off > farthest) {
                farthest = off;
                best = i;
            } else if (farthest == 0 && (cost < least || best < 0)) {
                least = cost;
                best = i;
            }
        }
        return best;
    }

    private void round(int q, Nearest nearest) {
        double value = nearest.value(q, w[q]);
        double pivot = f[q * size + q];
        double share = (w[q] - value) / pivot;
        loss += share * share * pivot;
        double[] column = new double[size];
        System.arraycopy(f, q * size, column, 0, size);
        done[q] = true;
        for (int i = 0; i < size; i++) {
            if (!done[i]) {
                w[i] -= share * column[i];
                double factor = column[i] / pivot;
                Axpy.add(f, i * size, column, 0, size, -factor);
            }
        }
        w[q] = value;
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
