package dev.quern.methods;

import dev.quern.core.QuantScheme;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Finds the scale and zero point of each group.
///
/// Scales are rounded to their storage type before any code or error is computed. The MSE search tries shrunk ranges
/// (the min-max range is one of them, so it is never worse), neighbouring zero points, and then alternates closed-form
/// scales with codes (spec: s = Σ h·x·(q−z) / Σ h·(q−z)²).
final class GridSearch {
    private static final int SHRINKS = 24;
    private static final float SHRINK_STEP = 0.025f;
    private static final int ALTERNATIONS = 4;

    private final Grid grid;
    private final Range range;
    private final float[] importance;
    private final boolean weighted;

    private GridSearch(Grid grid, Range range, double @Nullable [] importance) {
        this.grid = grid;
        this.range = range;
        this.weighted = importance != null;
        this.importance = new float[grid.cols()];
        Arrays.fill(this.importance, 1f);
        if (importance != null) {
            // relative sizes matter alone; the largest becomes 1 so that floats hold the sums
            double top = Arrays.stream(importance).max().orElse(1);
            for (int i = 0; i < importance.length && top > 0; i++) {
                this.importance[i] = (float) (importance[i] / top);
            }
        }
    }

    /// A grid for `weight [rows, cols]`; `importance [cols]` weighs the errors of the MSE search, null = all alike.
    static Grid fit(
            float[] weight,
            int rows,
            int cols,
            QuantScheme scheme,
            Range range,
            double @Nullable [] importance,
            Parallel parallel) {
        Grid grid = new Grid(rows, cols, scheme);
        GridSearch search = new GridSearch(grid, range, importance);
        int strip = 16;
        parallel.run((rows + strip - 1) / strip, task -> {
            int end = Math.min(rows, (task + 1) * strip);
            for (int row = task * strip; row < end; row++) {
                search.fitRow(weight, row);
            }
        });
        return grid;
    }

    private void fitRow(float[] weight, int row) {
        int size = grid.groupSize();
        for (int group = 0; group < grid.groups(); group++) {
            int from = row * grid.cols() + group * size;
            float low = 0;
            float high = 0;
            for (int i = from; i < from + size; i++) {
                low = Math.min(low, weight[i]);
                high = Math.max(high, weight[i]);
            }
            Best best = new Best(weight, from, group * size, size);
            best.offer(low, high, 0);
            if (range == Range.MSE && low < high) {
                best.search(low, high);
            }
            grid.set(row, group, best.scale, best.zero);
        }
    }

    /// The best scale and zero point so far of one group.
    private final class Best {
        private final float[] values;
        private final float[] weights;
        private final float[] terms;
        private final int qmax = grid.scheme().qmax();
        private double error = Double.POSITIVE_INFINITY;
        private float scale = 1;
        private int zero = grid.minZero();

        Best(float[] weight, int from, int column, int size) {
            values = Arrays.copyOfRange(weight, from, from + size);
            float[] own = Arrays.copyOfRange(importance, column, column + size);
            float total = 0;
            for (float h : own) {
                total += h;
            }
            if (weighted && !(total > 0)) {
                Arrays.fill(own, 1f);
            }
            weights = own;
            terms = new float[size];
        }

        void search(float low, float high) {
            for (int i = 1; i < SHRINKS; i++) {
                float ratio = 1 - i * SHRINK_STEP;
                for (int shift = -1; shift <= 1; shift++) {
                    if (shift == 0 || !grid.scheme().symmetric()) {
                        offer(low * ratio, high * ratio, shift);
                    }
                }
            }
            for (int i = 0; i < ALTERNATIONS; i++) {
                double before = error;
                offer(closedForm(), zero);
                if (!(error < before)) {
                    break;
                }
            }
        }

        /// The range `low … high`, its zero point moved by `shift`.
        void offer(float low, float high, int shift) {
            if (!(low < high)) {
                return;
            }
            if (grid.scheme().symmetric()) {
                offer(grid.storable(2.0 * Math.max(-low, high) / qmax), grid.minZero());
                return;
            }
            float step = grid.storable(((double) high - low) / qmax);
            int wanted = (int) Math.rint(-low / step) + shift;
            if (wanted < grid.minZero()) {
                // the zero point takes a step that the range would have had
                step = grid.storable(Math.max(high / (double) (qmax - 1), -low));
            }
            offer(step, Math.clamp(wanted, grid.minZero(), qmax));
        }

        private void offer(float step, int z) {
            double found = error(step, z);
            if (found < error) {
                error = found;
                scale = step;
                zero = z;
            }
        }

        private double error(float step, int z) {
            float bottom = -z;
            float top = qmax - z;
            for (int i = 0; i < terms.length; i++) {
                float gap = values[i] - step * Grid.steps(values[i], step, bottom, top);
                terms[i] = weights[i] * gap * gap;
            }
            return sum(terms);
        }

        private float closedForm() {
            double above = 0;
            double below = 0;
            for (int i = 0; i < values.length; i++) {
                double steps = Grid.steps(values[i], scale, -zero, qmax - zero);
                above += weights[i] * values[i] * steps;
                below += weights[i] * steps * steps;
            }
            return below > 0 && above > 0 ? grid.storable(above / below) : scale;
        }
    }

    /// In four chains, so that the additions need not wait for each other.
    private static double sum(float[] terms) {
        double a = 0;
        double b = 0;
        double c = 0;
        double d = 0;
        int i = 0;
        for (; i + 3 < terms.length; i += 4) {
            a += terms[i];
            b += terms[i + 1];
            c += terms[i + 2];
            d += terms[i + 3];
        }
        for (; i < terms.length; i++) {
            a += terms[i];
        }
        return (a + b) + (c + d);
    }
}
