package dev.quern.methods;

import dev.quern.models.InputTransform;
import dev.quern.models.Linear;
import dev.quern.models.LinearInput;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Tries scales at one site with the quantizers that will follow, and keeps the best; leaving all as it is counts
/// among
/// them, so the choice is never worse than that on the text it is judged by.
///
/// Candidates run unfolded: the Linears' input is divided and their weights are multiplied, which is what folding
/// comes
/// to, whatever makes the input.
final class SiteSearch {
    private final BlockTask task;
    private final BlockProbe probe;
    private final Site site;
    private final List<Linear> consumers;
    private final int inputs;
    private final float[] x;
    private double[] best;
    private double least;
    private final double plain;

    SiteSearch(BlockTask task, BlockProbe probe, Site site) {
        this.task = task;
        this.probe = probe;
        this.site = site;
        this.consumers = consumers(task, site);
        this.inputs = site.consumers().getFirst().inFeatures();
        this.x = probe.inputs(site.consumers().getFirst());
        this.best = new double[site.channels()];
        Arrays.fill(best, 1);
        this.plain = error(best);
        this.least = plain;
    }

    /// True where scales at `site` can help: some consumer is quantized and none has run-time transforms in the way.
    static boolean applies(BlockTask task, Site site) {
        return !consumers(task, site).isEmpty()
                && site.consumers().stream()
                        .allMatch(linear -> task.parameters().transforms(linear).isEmpty());
    }

    private static List<Linear> consumers(BlockTask task, Site site) {
        return site.consumers().stream().filter(task.selected()::contains).toList();
    }

    /// `max|x|` of each channel over the tokens, at least 1e-5; over all heads that share a channel.
    double[] largest() {
        double[] largest = filled(1e-5);
        for (int i = 0; i < x.length; i++) {
            int channel = site.channel(i % inputs);
            largest[channel] = Math.max(largest[channel], Math.abs(x[i]));
        }
        return largest;
    }

    /// `mean|x|` of each channel over the tokens, likewise.
    double[] mean() {
        double[] sums = new double[site.channels()];
        for (int i = 0; i < x.length; i++) {
            sums[site.channel(i % inputs)] += Math.abs(x[i]);
        }
        double count = (double) x.length / site.channels();
        return Arrays.stream(sums).map(s -> Math.max(s / count, 1e-5)).toArray();
    }

    /// `max|W|` of each channel over all rows of all Linears that are quantized, at least 1e-5.
    double[] largestWeight() {
        double[] largest = filled(1e-5);
        for (Linear linear : consumers) {
            float[] weight = task.parameters().weight(linear);
            for (int i = 0; i < weight.length; i++) {
                int channel = site.channel(i % inputs);
                largest[channel] = Math.max(largest[channel], Math.abs(weight[i]));
            }
        }
        return largest;
    }

    /// `mean(|w| / max of its group)` of each channel over all rows: how much of a group's range a channel uses.
    double[] meanShare(int groupSize) {
        double[] sums = new double[site.channels()];
        long rows = 0;
        for (Linear linear : consumers) {
            float[] weight = task.parameters().weight(linear);
            for (int from = 0; from < weight.length; from += groupSize) {
                float top = 0;
                for (int i = from; i < from + groupSize; i++) {
                    top = Math.max(top, Math.abs(weight[i]));
                }
                for (int i = from; i < from + groupSize && top > 0; i++) {
                    sums[site.channel(i % inputs)] += Math.abs(weight[i]) / top;
                }
            }
            rows += linear.outFeatures();
        }
        double count = (double) rows * inputs / site.channels();
        return Arrays.stream(sums).map(s -> Math.max(s / count, 1e-5)).toArray();
    }

    private double[] filled(double value) {
        double[] values = new double[site.channels()];
        Arrays.fill(values, value);
        return values;
    }

    /// Tries `scale`, which is brought to a geometric mean of 1 and within 1e-4 … 1e4 first; returns its error.
    double offer(double[] scale) {
        double[] tame = tamed(scale);
        if (tame.length == 0) {
            return Double.POSITIVE_INFINITY;
        }
        double error = error(tame);
        if (error < least) {
            least = error;
            best = tame;
        }
        return error;
    }

    /// Empty where a scale is not a number.
    static double[] tamed(double[] scale) {
        double log = Arrays.stream(scale).map(Math::log).average().orElse(0);
        if (!Double.isFinite(log)) {
            return new double[0];
        }
        return Arrays.stream(scale)
                .map(s -> Math.clamp(s / Math.exp(log), 1e-4, 1e4))
                .toArray();
    }

    private double error(double[] scale) {
        float[] factors = new float[inputs];
        for (int i = 0; i < inputs; i++) {
            factors[i] = (float) (1 / scale[site.channel(i)]);
        }
        LinearInput input = probe.held(x, inputs, List.of(new InputTransform.Diagonal(factors)));
        Map<Linear, float[]> weights = new LinkedHashMap<>();
        for (Linear linear : consumers) {
            float[] weight = task.parameters().weight(linear);
            float[] scaled = new float[weight.length];
            for (int i = 0; i < weight.length; i++) {
                scaled[i] = (float) (weight[i] * scale[site.channel(i % inputs)]);
            }
            float[] rounded = task.target()
                    .weights()
                    .roundTrip(scaled, linear.outFeatures(), linear.inFeatures(), task.parallel());
            weights.put(linear, BlockProbe.keep(input, scaled, rounded, linear.inFeatures()));
        }
        return probe.error(new BlockProbe.Trial(weights, input));
    }

    /// The best scales so far; all 1 where nothing was better.
    double[] best() {
        return best;
    }

    /// The error of the best.
    double least() {
        return least;
    }

    /// The error of all scales 1.
    double plain() {
        return plain;
    }
}
