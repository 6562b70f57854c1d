package dev.quern.methods;

import dev.quern.core.QuantScheme;
import dev.quern.models.Linear;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Finds scales to begin with, one a channel of a site.
///
/// AWQ's search tries `a^r` for the mean size a of each channel's input and keeps what loses least when rounded to
/// nearest, each input weighed by its mean square. SmoothQuant's balance is `max|x|^½ / max|W|^½`. Scales have a
/// geometric
/// mean of 1 and stay within a factor of a thousand of it.
final class ScaleSearch {
    private static final double SPAN = 1e3;
    private static final int STEPS = 10;

    private final BlockTask task;
    private final SiteStatistics statistics;
    private final Optional<QuantScheme> scheme;
    private final Map<String, double[]> found = new HashMap<>();

    /// `scheme` is that of the weights, empty where there is none to try.
    ScaleSearch(BlockTask task, SiteStatistics statistics, Optional<QuantScheme> scheme) {
        this.task = task;
        this.statistics = statistics;
        this.scheme = scheme;
    }

    /// How scales begin.
    enum Start {
        /// All ones.
        NEUTRAL,
        /// SmoothQuant's balance of the ranges of inputs and weights.
        BALANCED,
        /// AWQ's search over powers of the inputs' sizes.
        SEARCHED
    }

    /// Scales of `site` to begin with; the array is the caller's.
    double[] start(Site site, Start start) {
        return found.computeIfAbsent(start + " " + site.name(), _ -> switch (start) {
                    case NEUTRAL -> ones(site);
                    case BALANCED -> balanced(site);
                    case SEARCHED -> searched(site);
                })
                .clone();
    }

    private static double[] ones(Site site) {
        double[] ones = new double[site.channels()];
        Arrays.fill(ones, 1);
        return ones;
    }

    private double[] balanced(Site site) {
        double[] input = gathered(site, Kind.LARGEST);
        double[] weight = new double[site.channels()];
        for (Linear linear : site.consumers()) {
            float[] values = task.parameters().weight(linear);
            int cols = linear.inFeatures();
            for (int i = 0; i < values.length; i++) {
                int channel = site.channel(i % cols);
                weight[channel] = Math.max(weight[channel], Math.abs(values[i]));
            }
        }
        double[] scales = new double[site.channels()];
        for (int c = 0; c < scales.length; c++) {
            scales[c] = Math.sqrt(Math.max(input[c], 1e-5) / Math.max(weight[c], 1e-5));
        }
        return normalised(scales);
    }

    /// Ones where nothing is quantized.
    private double[] searched(Site site) {
        double[] best = ones(site);
        List<Linear> quantized =
                site.consumers().stream().filter(task.selected()::contains).toList();
        if (scheme.isEmpty() || quantized.isEmpty()) {
            return best;
        }
        double[] size = gathered(site, Kind.MEAN);
        double least = error(site, quantized, best);
        for (int step = 1; step < STEPS; step++) {
            double power = step / (double) STEPS;
            double[] scales = normalised(Arrays.stream(size)
                    .map(a -> Math.pow(Math.max(a, 1e-6), power))
                    .toArray());
            double error = error(site, quantized, scales);
            if (error < least) {
                least = error;
                best = scales;
            }
        }
        return best;
    }

    private double error(Site site, List<Linear> linears, double[] scales) {
        double total = 0;
        for (Linear linear : linears) {
            int cols = linear.inFeatures();
            float[] weight = task.parameters().weight(linear).clone();
            double[] importance = statistics.inputs(linear).square().clone();
            double[] wide = new double[cols];
            for (int j = 0; j < cols; j++) {
                wide[j] = scales[site.channel(j)];
                importance[j] /= wide[j] * wide[j];
            }
            for (int i = 0; i < weight.length; i++) {
                weight[i] = (float) (weight[i] * wide[i % cols]);
            }
            total += new LearnedClip(linear.outFeatures(), cols, scheme.get())
                    .roundingError(weight, importance, task.parallel());
        }
        return total;
    }

    private enum Kind {
        MEAN,
        LARGEST
    }

    /// The consumers' inputs by channel: their mean, or their largest.
    private double[] gathered(Site site, Kind kind) {
        Linear linear = site.consumers().getFirst();
        SiteStatistics.Inputs inputs = statistics.inputs(linear);
        double[] values = new double[site.channels()];
        int shared = linear.inFeatures() / site.channels();
        for (int j = 0; j < linear.inFeatures(); j++) {
            int channel = site.channel(j);
            switch (kind) {
                case MEAN -> values[channel] += inputs.mean()[j] / shared;
                case LARGEST -> values[channel] = Math.max(values[channel], inputs.largest()[j]);
            }
        }
        return values;
    }

    private static double[] normalised(double[] scales) {
        double logs = 0;
        for (double s : scales) {
            logs += Math.log(s);
        }
        double mean = Math.exp(logs / scales.length);
        return Arrays.stream(scales)
                .map(s -> Math.clamp(s / mean, 1 / SPAN, SPAN))
                .toArray();
    }
}
