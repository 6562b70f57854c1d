package dev.quern.methods;

import dev.quern.core.DType;
import dev.quern.core.UsageException;
import dev.quern.models.Linear;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/// VPTQ (arXiv:2409.17066): vectors of consecutive outputs become indices of centroids, column by column with
/// second-order feedback.
///
/// Deviations from the paper: the Hessian follows the column norm (`VectorLoop`); k-means is seeded (`WeightedKMeans`);
/// after the columns, centroids, scales and codes are refined in turn under the exact loss (`BookFit`, `NormFit`,
/// `VectorDescent`); both stages of a residual code are chosen together; targets make up for the drift (`Retarget`).
public final class Vptq implements WeightMethod<Vptq.Config> {
    private static final DType STORED = DType.F16;

    private static final String DAMPING = "damping";
    private static final String COLUMNS = "column loop";
    private static final String LOSS = "loss";

    /// Sweeps over the codes after each fit of the centroids.
    private static final int SWEEPS = 2;

    /// Its settings.
    public record Config(
            @Key(value = "0", doc = "planned average bits of a weight, codebooks counted; 0 = as the next keys say")
            double bits,

            @Key(
                    value = "true",
                    doc = "plan by what errors in each Linear cost, measured first; false = all cost the same")
            boolean costs,

            @Key(value = "4", doc = "outputs of a vector") int vectorLength,

            @Key(value = "256", doc = "centroids of a codebook, a power of two")
            int centroids,

            @Key(value = "0", doc = "centroids of a second codebook that is added; 0 = none")
            int residualCentroids,

            @Key(value = "1", doc = "groups of columns with a codebook of their own")
            int groups,

            @Key(
                    value = "0",
                    doc = "percent of the columns, the most important ones, with a finer codebook of their own")
            double outliers,

            @Key(value = "4", doc = "outputs of a vector of an outlier column")
            int outlierLength,

            @Key(value = "1024", doc = "centroids of the outliers' codebook")
            int outlierCentroids,

            @Key(value = "deviation", doc = "how columns are brought to one size")
            ColumnNorm norm,

            @Key(value = "true", doc = "most important inputs first")
            boolean permute,

            @Key(value = "true", doc = "later columns make up for the error of earlier ones")
            boolean feedback,

            @Key(value = "3", doc = "rounds of refitting centroids, scales and codes after the columns")
            int refine,

            @Key(value = "40", doc = "rounds of k-means at most")
            int kmeansRounds,

            @Key(value = "1", doc = "times k-means is begun anew")
            int restarts,

            @Key(value = "0.01", doc = "share of the mean diagonal added to the Hessian")
            double damping,

            @Key(value = "1", doc = "share of the drift from the float model to be made up for; 0 = none")
            double retarget,

            @Key(value = "0", doc = "times over the text that train centroids against the block's output; 0 = none")
            int blockEpochs,

            @Key(value = "0.002", doc = "their step, as a share of each parameter's size")
            double blockRate,

            @Key(value = "", doc = "shapes by layer, as the planner writes them: q_proj=v4-k256,down_proj=v4-k64-16")
            String shapes) {
        public Config {
            if (bits < 0 || bits > 8) {
                throw new UsageException("bits is 0 to 8, not " + bits);
            }
            if (!(outliers >= 0 && outliers <= 50)) {
                throw new UsageException("outliers is 0 to 50 percent, not " + outliers);
            }
            if (!(damping >= 0)) {
                throw new UsageException("damping is not negative, unlike " + damping);
            }
            if (!(retarget >= 0 && retarget <= 1)) {
                throw new UsageException("retarget is a share between 0 and 1, not " + retarget);
            }
            if (refine < 0 || kmeansRounds < 0 || restarts < 1) {
                throw new UsageException("refine and kmeans-rounds are not negative and restarts is at least 1");
            }
            Tuning.check(blockEpochs, blockRate);
            if (outliers > 0 && !permute) {
                throw new UsageException("outliers are the most important columns: leave permute on");
            }
            VectorShapes.of(shapes);
            new VectorShape(vectorLength, centroids, residualCentroids, groups, 0, 1, 2, norm != ColumnNorm.NONE);
        }

        Config with(String planned) {
            return new Config(
                    bits,
                    costs,
                    vectorLength,
                    centroids,
                    residualCentroids,
                    groups,
                    outliers,
                    outlierLength,
                    outlierCentroids,
                    norm,
                    permute,
                    feedback,
                    refine,
                    kmeansRounds,
                    restarts,
                    damping,
                    retarget,
                    blockEpochs,
                    blockRate,
                    planned);
        }

        /// The shape of the layer `name` of `cols` inputs.
        VectorShape shape(String name, int cols) {
            Optional<VectorShape> planned = VectorShapes.of(shapes).find(name, norm != ColumnNorm.NONE);
            if (planned.isPresent()) {
                return planned.get();
            }
            int wanted = (int) Math.ceil(outliers * cols / 100);
            // what does not divide into groups joins the outliers, where there are any
            int own = wanted == 0 ? 0 : wanted + (cols - wanted) % groups;
            return new VectorShape(
                    vectorLength,
                    centroids,
                    residualCentroids,
                    groups,
                    own,
                    own == 0 ? 0 : outlierLength,
                    own == 0 ? 0 : outlierCentroids,
                    norm != ColumnNorm.NONE);
        }
    }

    @Override
    public String name() {
        return "vptq";
    }

    @Override
    public String summary() {
        return "VPTQ (arXiv:2409.17066): vectors of weights become indices of centroids, for 2 to 3 bits;"
                + " needs calibration text";
    }

    @Override
    public Class<Config> configType() {
        return Config.class;
    }

    @Override
    public WeightFormat format(Config config) {
        return new WeightFormat.Vectored(config);
    }

    @Override
    public Config planned(Config config, List<Linear> linears, Supplier<Map<Linear, Double>> costs) {
        if (config.bits() == 0 || !config.shapes().isEmpty() || linears.isEmpty()) {
            return config;
        }
        boolean norm = config.norm() != ColumnNorm.NONE;
        Map<Linear, Double> known = config.costs() ? costs.get() : Map.of();
        return config.with(new VectorPlanner(linears, config.bits(), norm, known).shapes());
    }

    @Override
    public boolean calibrated(Config config) {
        return true;
    }

    @Override
    public boolean wantsDrift(Config config) {
        return config.retarget() > 0;
    }

    @Override
    public Optional<Tuning> tuning(Config config) {
        return Tuning.of(config.blockEpochs(), config.blockRate());
    }

    @Override
    public QuantizedLinear quantize(LinearTask task, Config config) {
        Hessian hessian = task.requireHessian();
        List<String> notes = new ArrayList<>();
        if (hessian.dropped() > 0) {
            notes.add(hessian.dropped() + " tokens with inputs that are not finite were left out");
        }
        Optional<Damping> damping =
                task.phases().call(DAMPING, () -> hessian.damped(config.damping(), config.permute(), task.parallel()));
        if (damping.isPresent()) {
            return quantize(task, config, hessian, damping.get(), damping.get().fallback(), notes);
        }
        Hessian plain = Hessian.identity(task.cols());
        Damping none = plain.damped(0, false, task.parallel()).orElseThrow();
        String fallback = "plain vectors: the Hessian is not positive definite even damped";
        return quantize(task, config, plain, none, fallback, notes);
    }

    private static QuantizedLinear quantize(
            LinearTask task,
            Config config,
            Hessian hessian,
            Damping damping,
            @org.jspecify.annotations.Nullable String fallback,
            List<String> notes) {
        Parallel parallel = task.parallel();
        int cols = task.cols();
        VectorShape shape = config.shape(task.name(), cols);
        Phases phases = task.phases();
        double[] moved = phases.call(
                "retargeting",
                () -> Retarget.apply(task.weight(), task.rows(), cols, hessian, damping, config.retarget(), parallel));
        int dead = clearDead(moved, damping.dead());
        if (dead > 0) {
            notes.add(dead + " inputs are always zero; their weights carry no weight");
        }
        Vectors vectors = new Vectors(task.rows(), damping.order(), books(shape), shape.outliers(), shape.norm());
        double[] target = Arrays.copyOf(moved, vectors.height * cols);
        config.norm().apply(vectors, target, STORED);
        cluster(vectors, target, damping, config, task);
        VectorFit fit = new VectorFit(damping.h(), target, vectors, STORED, parallel, phases);
        phases.run(COLUMNS, () -> new VectorLoop(target, vectors, damping, false).run(parallel));
        phases.run(LOSS, fit::measure);
        if (config.feedback() && !fit.isZero()) {
            phases.run(
                    COLUMNS,
                    () -> fit.offer(() -> new VectorLoop(target, vectors, damping, true).run(parallel), "feedback"));
        }
        for (int round = 0; round < config.refine() && !fit.isZero(); round++) {
            fit.round(SWEEPS);
        }
        Safeguard guard = new Safeguard(damping.h(), moved, parallel);
        double total = phases.call(LOSS, () -> guard.energy(task.weight(), task.rows()));
        notes.addAll(fit.notes());
        return new QuantizedLinear(fit.vectors().pack(STORED), total > 0 ? fit.loss() / total : 0, fallback, notes);
    }

    private static VectorBook[] books(VectorShape shape) {
        VectorBook[] books = new VectorBook[shape.groups() + (shape.outliers() > 0 ? 1 : 0)];
        for (int i = 0; i < books.length; i++) {
            books[i] = i == 0 && shape.outliers() > 0
                    ? new VectorBook(shape.outlierLength(), shape.outlierSize(), 0, STORED)
                    : new VectorBook(shape.length(), shape.size(), shape.residual(), STORED);
        }
        return books;
    }

    private static void cluster(Vectors vectors, double[] target, Damping damping, Config config, LinearTask task) {
        double[] importance = config.feedback() ? damping.importance() : diagonal(damping.h(), vectors.cols);
        for (int number = 0; number < vectors.books.length; number++) {
            new BookSeeds(vectors, target, importance, number, task.parallel(), task.phases())
                    .run(config.kmeansRounds(), config.restarts(), task.seed() * 31 + number);
        }
    }

    private static double[] diagonal(double[] h, int n) {
        double[] diagonal = new double[n];
        for (int i = 0; i < n; i++) {
            diagonal[i] = h[i * n + i];
        }
        return diagonal;
    }

    private static int clearDead(double[] target, boolean[] dead) {
        int count = 0;
        for (int col = 0; col < dead.length; col++) {
            if (dead[col]) {
                count++;
                for (int at = col; at < target.length; at += dead.length) {
                    target[at] = 0;
                }
            }
        }
        return count;
    }
}
