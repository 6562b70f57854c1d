package dev.quern.methods;

import dev.quern.core.QuantScheme;
import dev.quern.models.Linear;
import java.util.Arrays;

/// Narrows each group's range where that loses less of its part of the output: weights beyond `±m·(1 − i/20)`, m the
/// largest of the group, are clamped to it, for the best i of 0 … 9 (AWQ, arXiv:2306.00978, section 3.2's code).
///
/// The loss of a group is `Δ·C·Δᵀ`, C the second moments of its inputs: the mean square of its partial product's
/// change. i = 0 is among the choices, so no group gets worse.
final class ClipSearch {
    private static final int CLIPS = 10;

    private final QuantScheme scheme;
    private final Parallel parallel;

    ClipSearch(QuantScheme scheme, Parallel parallel) {
        this.scheme = scheme;
        this.parallel = parallel;
    }

    /// Clamps `weight` of `linear` in place, given its inputs `x [tokens, inFeatures]`; returns the share of clamped
    /// weights.
    double clamp(float[] weight, Linear linear, float[] x) {
        int cols = linear.inFeatures();
        int size = scheme.groupSizeFor(cols);
        int groups = cols / size;
        double[][] moments = new double[groups][];
        parallel.run(groups, group -> moments[group] = moments(x, cols, group * size, size));
        long[] clamped = new long[linear.outFeatures()];
        parallel.run(linear.outFeatures(), row -> {
            for (int group = 0; group < groups; group++) {
                clamped[row] += clamp(weight, row * cols + group * size, size, moments[group]);
            }
        });
        return (double) Arrays.stream(clamped).sum() / weight.length;
    }

    /// `[size, size]`, upper half.
    private static double[] moments(float[] x, int cols, int from, int size) {
        double[] moments = new double[size * size];
        for (int at = from; at < x.length; at += cols) {
            for (int i = 0; i < size; i++) {
                double xi = x[at + i];
                for (int j = i; j < size; j++) {
                    moments[i * size + j] += xi * x[at + j];
                }
            }
        }
        return moments;
    }

    private int clamp(float[] weight, int from, int size, double[] moments) {
        float[] values = Arrays.copyOfRange(weight, from, from + size);
        float top = 0;
        for (float value : values) {
            top = Math.max(top, Math.abs(value));
        }
        float best = top;
        double least = Double.POSITIVE_INFINITY;
        for (int i = 0; i < CLIPS; i++) {
            float bound = top * (1 - i / 20f);
            double loss = loss(values, bound, moments);
            if (loss < least) {
                least = loss;
                best = bound;
            }
        }
        int clamped = 0;
        for (int i = from; i < from + size; i++) {
            clamped += Math.abs(weight[i]) > best ? 1 : 0;
            weight[i] = Math.clamp(weight[i], -best, best);
        }
        return clamped;
    }

    private double loss(float[] values, float bound, double[] moments) {
        int size = values.length;
        float[] cut = new float[size];
        for (int i = 0; i < size; i++) {
            cut[i] = Math.clamp(values[i], -bound, bound);
        }
        Grid grid = GridSearch.fit(
                cut,
                1,
                size,
                new QuantScheme(scheme.bits(), 0, scheme.symmetric()),
                Range.MIN_MAX,
                null,
                Parallel.SERIAL);
        double[] gaps = new double[size];
        for (int i = 0; i < size; i++) {
            gaps[i] = values[i] - grid.value(0, 0, grid.code(0, 0, cut[i]));
        }
        double loss = 0;
        for (int i = 0; i < size; i++) {
            double row = 0.5 * gaps[i] * moments[i * size + i];
            for (int j = i + 1; j < size; j++) {
                row += gaps[j] * moments[i * size + j];
            }
            loss += 2 * gaps[i] * row;
        }
        return loss;
    }
}
