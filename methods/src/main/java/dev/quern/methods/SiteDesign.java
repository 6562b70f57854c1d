package dev.quern.methods;

import dev.quern.models.Linear;
import dev.quern.models.Stage;
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
        boolean shifts,
        RunTime runTime)
        implements TransformTraining.Design {
    /// What stands between a norm and the Linears that read it.
    enum Norms {
        NONE,
        /// A diagonal that the norm absorbs.
        DIAGONAL,
        /// A full matrix, whose inverse runs behind the norm.
        FULL
    }

    /// An explicit operation on the input of every Linear.
    enum RunTime {
        NONE,
        HADAMARD,
        KRONECKER
    }

    /// Nothing but clipping.
    static SiteDesign clipping() {
        return new SiteDesign("clipping", Norms.NONE, false, false, null, GradualMask.OPEN, false, RunTime.NONE);
    }

    @Override
    public List<LearnedSite> sites(BlockTask task, ScaleSearch scales, ScaleSearch.Start start) {
        List<LearnedSite> sites = new ArrayList<>();
        for (Site site : Sites.of(task.network(), task.block())) {
            LearnedSite learned = switch (site) {
                case NormSite norm -> isFree(task, norm) ? norm(norm, scales, start) : null;
                case UpSite up -> upDown && isFree(task, up) ? new LearnedScale(up, scales.start(up, start)) : null;
                case QueryKeySite queryKey -> pairs ? new LearnedPairs(queryKey) : null;
                case ValueSite value ->
                    values == null || !isFree(task, value) ? null : heads(value, values, scales.start(value, start));
            };
            if (learned != null) {
                sites.add(learned);
            }
        }
        if (runTime != RunTime.NONE) {
            for (Stage stage : task.block().stages()) {
                if (!task.selected().containsAll(stage.linears())) {
                    continue;
                }
                sites.add(new LearnedInput(stage.linears(), runTimeForm(task, stage), GradualMask.OPEN, null));
            }
        }
        return sites;
    }

    /// False where an earlier method left an operation on the consumers' input, which nothing can be folded through.
    private static boolean isFree(BlockTask task, Site site) {
        return site.consumers().stream()
                .allMatch(linear -> task.parameters().transforms(linear).isEmpty());
    }

    private InvertibleForm runTimeForm(BlockTask task, Stage stage) {
        Linear first = stage.linears().getFirst();
        return runTime == RunTime.HADAMARD
                ? new HadamardForm(first.inFeatures(), task.seed() + first.index())
                : new KroneckerForm(new SvdForm(1e3));
    }

    private @Nullable LearnedSite norm(NormSite site, ScaleSearch scales, ScaleSearch.Start start) {
        return switch (norms) {
            case NONE -> null;
            case DIAGONAL -> new LearnedScale(site, scales.start(site, start));
            case FULL -> new LearnedInput(site.consumers(), new DirectForm(), mask, scales.start(site, start));
        };
    }

    private LearnedSite heads(ValueSite site, InvertibleForm form, double[] start) {
        double[] zeros = new double[site.channels()];
        Arrays.fill(zeros, 0);
        return new LearnedHeads(site, form, mask, start, shifts ? zeros : null);
    }
}
