package dev.quern.methods;

import dev.quern.core.QuantScheme;
import dev.quern.core.UsageException;
import dev.quern.models.Linear;
import dev.quern.models.Role;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// AWQ (arXiv:2306.00978): channels whose inputs are large matter most, so their weights are scaled up before
/// rounding
/// and their inputs down; how far is searched.
///
/// Deviations from the paper: candidates include the code's second family `a^r / w^(1−r)` and are refined round the
/// best ratio; v → o is scaled with grouped queries too; each block is searched on what the quantized blocks
/// before it
/// produce; errors are relative to each token's residual stream.
public final class Awq implements BlockMethod<Awq.Config> {
    /// Its settings.
    public record Config(
            @Key(value = "20", doc = "ratios tried at each site, from 0 (no scaling) upwards in equal steps")
            int grid,

            @Key(value = "true", doc = "also try scales that take the weights' sizes into account")
            boolean duo,

            @Key(value = "true", doc = "try ratios between the best one and its neighbours")
            boolean refine,

            @Key(value = "true", doc = "search a narrower range for each group (never for q and k)")
            boolean clip,

            @Key(value = "2048", doc = "calibration tokens that candidates are judged on")
            int tokens) {
        public Config {
            if (grid < 1) {
                throw new UsageException("grid is at least 1, not " + grid);
            }
            if (tokens < 1) {
                throw new UsageException("tokens is at least 1, not " + tokens);
            }
        }
    }

    @Override
    public String name() {
        return "awq";
    }

    @Override
    public String summary() {
        return "AWQ (arXiv:2306.00978): scales up the weights of large inputs, clips ranges; then a method that chooses"
                + " weights (rtn if none is named); needs calibration text";
    }

    @Override
    public Class<Config> configType() {
        return Config.class;
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
        List<double[]> chosen = new ArrayList<>();
        List<Site> sites = Sites.ofInputs(task.network(), task.block()).stream()
                .filter(site -> SiteSearch.applies(task, site))
                .toList();
        for (Site site : sites) {
            task.status().at(site.name(), 0.9 * chosen.size() / sites.size());
            chosen.add(search(new SiteSearch(task, probe, site), groupSize(task, site), config));
        }
        for (int i = 0; i < sites.size(); i++) {
            sites.get(i).fold(task.parameters(), chosen.get(i));
        }
        Map<String, Double> figures = new HashMap<>();
        if (config.clip() && !task.target().hessian()) {
            figures.put("clamped", clip(task, new BlockProbe(task, config.tokens())));
        }
        double lossAfter = probe.heldError(task.parameters());
        if (!(lossAfter <= lossBefore)) {
            task.parameters().restore(before);
            return new BlockOutcome(
                    lossBefore,
                    lossBefore,
                    figures,
                    BlockOutcome.noBetter("identity", "scaled", lossBefore, lossAfter),
                    List.of());
        }
        return new BlockOutcome(lossBefore, lossAfter, figures, null, List.of());
    }

    private static int groupSize(BlockTask task, Site site) {
        int cols = site.consumers().getFirst().inFeatures();
        return task.target().weights().groupSizeFor(cols);
    }

    /// The scales of one site.
    private static double[] search(SiteSearch search, int groupSize, Config config) {
        double[] a = search.mean();
        double[] w = search.meanShare(groupSize);
        for (boolean duo : config.duo() ? new boolean[] {false, true} : new boolean[] {false}) {
            double step = 1.0 / config.grid();
            double bestRatio = 0;
            double least = Double.POSITIVE_INFINITY;
            for (int i = 0; i < config.grid(); i++) {
                double error = search.offer(scale(a, w, i * step, duo));
                if (error < least) {
                    least = error;
                    bestRatio = i * step;
                }
            }
            for (int i = 1; config.refine() && i < 4; i++) {
                search.offer(scale(a, w, bestRatio - step * i / 4, duo));
                search.offer(scale(a, w, bestRatio + step * i / 4, duo));
            }
        }
        return search.best();
    }

    /// `a^r`, or with `duo` `a^r / w^(1−r)`.
    static double[] scale(double[] a, double[] w, double ratio, boolean duo) {
        double[] scale = new double[a.length];
        for (int i = 0; i < a.length; i++) {
            scale[i] = Math.pow(a[i], ratio) / (duo ? Math.pow(w[i], 1 - ratio) : 1);
        }
        return scale;
    }

    /// Clamps the weights of all Linears but q and k, whose errors meet in a product; returns the share of clamped
    /// ones.
    private static double clip(BlockTask task, BlockProbe probe) {
        if (!(task.target().weights() instanceof WeightFormat.Grouped(QuantScheme scheme))) {
            return 0;
        }
        ClipSearch search = new ClipSearch(scheme, task.parallel());
        double clamped = 0;
        double weights = 0;
        for (Linear linear : task.selected()) {
            boolean free = linear.role() != Role.Q && linear.role() != Role.K;
            if (free && task.parameters().transforms(linear).isEmpty()) {
                task.status().at("clipping " + linear.name(), 0.9);
                float[] weight = task.parameters().weight(linear);
                clamped += search.clamp(weight, linear, probe.inputs(linear)) * weight.length;
            }
            weights += (double) linear.outFeatures() * linear.inFeatures();
        }
        return clamped / weights;
    }
}
