package dev.quern.methods;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Which of a block's sites are transformed, and how each begins.
///
/// `values` is the form of the matrices between v and o, null = none there. `balanced` starts from SmoothQuant's
/// scales,
/// otherwise from those that AWQ's search finds. `shifts` moves v's bias into o's.
record SiteDesign(
        String name,
        Norms norms,
        boolean upDown,
        boolean pairs,
        @Nullable InvertibleForm values,
        GradualMask mask,
        boolean balanced,
        boolean shifts)
        implements TransformTraining.Design {
    /// What stands between a norm and the Linears that read it.
    enum Norms {
        NONE,
        /// A diagonal that the norm absorbs.
        DIAGONAL,
        /// A full matrix, whose inverse runs behind the norm.
        FULL
    }

    /// Nothing but clipping.
    static SiteDesign clipping() {
        return new SiteDesign("clipping", Norms.NONE, false, false, null, GradualMask.OPEN, false, false);
    }

    @Override
    public List<LearnedSite> sites(BlockTask task, ScaleSearch scales) {
        List<LearnedSite> sites = new ArrayList<>();
        for (Site site : Sites.of(task.network(), task.block())) {
            LearnedSite learned = switch (site) {
                case NormSite norm -> norm(norm, scales);
                case UpSite up -> upDown ? new LearnedScale(up, start(up, scales)) : null;
                case QueryKeySite queryKey -> pairs ? new LearnedPairs(queryKey) : null;
                case ValueSite value -> values == null ? null : heads(value, values, scales);
            };
            if (learned != null) {
                sites.add(learned);
            }
        }
        return sites;
    }

    private @Nullable LearnedSite norm(NormSite site, ScaleSearch scales) {
        return switch (norms) {
            case NONE -> null;
            case DIAGONAL -> new LearnedScale(site, start(site, scales));
            case FULL -> new LearnedInput(site, new DirectForm(), mask, start(site, scales));
        };
    }

    private LearnedSite heads(ValueSite site, InvertibleForm form, ScaleSearch scales) {
        double[] zeros = new double[site.channels()];
        Arrays.fill(zeros, 0);
        return new LearnedHeads(site, form, mask, start(site, scales), shifts ? zeros : null);
    }

    private double[] start(Site site, ScaleSearch scales) {
        return balanced ? scales.balanced(site) : scales.searched(site);
    }
}
