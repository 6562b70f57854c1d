package dev.quern.methods;

import dev.quern.core.ActivationScheme;
import dev.quern.core.UsageException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// SmoothQuant (arXiv:2211.10438): part of what makes inputs hard to quantize moves into the weights,
/// `s_j = max|x_j|^α / max|W_j|^(1−α)`, so that both can be held in 8 bits.
///
/// Deviations from the paper: α is searched at each site with the quantizers that follow, 'no smoothing' among the
/// candidates; v → o (grouped queries too) and up → down are smoothed besides the norms; scales are brought to a
/// geometric mean of 1.
public final class SmoothQuant implements BlockMethod<SmoothQuant.Config> {
    /// Its settings.
    public record Config(
            @Key(value = "true", doc = "search alpha at each site; false takes the one given")
            boolean search,

            @Key(value = "0.5", doc = "how much of the difficulty moves: 0 = weights flat, 1 = inputs flat")
            double alpha,

            @Key(value = "20", doc = "steps of the search between 0 and 1")
            int grid,

            @Key(value = "all", doc = "where: behind norms as in the paper, or also v to o and up to down")
            Where where,

            @Key(value = "2048", doc = "calibration tokens that candidates are judged on")
            int tokens) {
        public Config {
            if (!(alpha >= 0 && alpha <= 1)) {
                throw new UsageException("alpha is between 0 and 1, not " + alpha);
            }
            if (grid < 1) {
                throw new UsageException("grid is at least 1, not " + grid);
            }
            if (tokens < 1) {
                throw new UsageException("tokens is at least 1, not " + tokens);
            }
        }
    }

    /// Which sites are smoothed.
    public enum Where {
        NORMS,
        ALL
    }

    @Override
    public String name() {
        return "smoothquant";
    }

    @Override
    public String summary() {
        return "SmoothQuant (arXiv:2211.10438): W8A8; evens out inputs and weights first, then a method that chooses"
                + " weights (rtn to int8 rows if none is named); needs calibration text";
    }

    @Override
    public Class<Config> configType() {
        return Config.class;
    }

    @Override
    public Map<String, ?> followerKeys() {
        return Map.of("bits", 8, "group-size", 0, "symmetric", true);
    }

    @Override
    public List<Integer> widths() {
        return List.of();
    }

    @Override
    public ActivationScheme activations(Config config) {
        return ActivationScheme.dynamic(8, true);
    }

    @Override
    public boolean calibrated(Config config) {
        return true;
    }

    @Override
    public BlockOutcome transform(BlockTask task, Config config) {
        BlockParameters before = task.parameters().copy();
        BlockProbe probe = new BlockProbe(task, config.tokens());
        double lossBefore = probe.heldError(task.parameters());
        List<Site> sites = sites(task, config);
        List<double[]> chosen = new ArrayList<>();
        Map<String, Double> figures = new HashMap<>();
        for (Site site : sites) {
            task.status().at(site.name(), (double) chosen.size() / sites.size());
            chosen.add(scales(
                    new SiteSearch(task, probe, site),
                    config,
                    alpha -> figures.put(
                            "alpha-"
                                    + Sites.shortName(
                                            site.consumers().getFirst().name()),
                            alpha)));
        }
        for (int i = 0; i < sites.size(); i++) {
            sites.get(i).fold(task.parameters(), chosen.get(i));
        }
        double lossAfter = probe.heldError(task.parameters());
        if (config.search() && !(lossAfter <= lossBefore)) {
            task.parameters().restore(before);
            return new BlockOutcome(
                    lossBefore,
                    lossBefore,
                    Map.of(),
                    BlockOutcome.noBetter("identity", "smoothed", lossBefore, lossAfter),
                    List.of());
        }
        return new BlockOutcome(lossBefore, lossAfter, figures, null, List.of());
    }

    private static List<Site> sites(BlockTask task, Config config) {
        return Sites.ofInputs(task.network(), task.block()).stream()
                .filter(site -> config.where() == Where.ALL || site instanceof NormSite)
                .filter(site -> SiteSearch.applies(task, site))
                .toList();
    }

    private interface Chosen {
        void alpha(double alpha);
    }

    private static double[] scales(SiteSearch search, Config config, Chosen told) {
        double[] a = search.largest();
        double[] w = search.largestWeight();
        if (!config.search()) {
            told.alpha(config.alpha());
            return SiteSearch.tamed(scale(a, w, config.alpha()));
        }
        for (int i = 0; i <= config.grid(); i++) {
            double alpha = (double) i / config.grid();
            double least = search.least();
            if (search.offer(scale(a, w, alpha)) < least) {
                told.alpha(alpha);
            }
        }
        return search.best();
    }

    /// `a^α / w^(1−α)`.
    static double[] scale(double[] a, double[] w, double alpha) {
        double[] scale = new double[a.length];
        for (int i = 0; i < a.length; i++) {
            scale[i] = Math.pow(a[i], alpha) / Math.pow(w[i], 1 - alpha);
        }
        return scale;
    }
}
