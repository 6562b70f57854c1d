package dev.quern.methods;

import dev.quern.core.UsageException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// AffineQuant (arXiv:2403.12544), made safe: equivalent transforms of a block, learned by its output error, that are
/// invertible however far they are trained.
///
/// Between v and o stands a matrix for each kv head; queries and keys share a complex number a rotary pair; norms and
/// the up projection absorb diagonals. All of that is merged into the weights and costs nothing at run time. Unlike the
/// paper's own code it knows grouped queries and rotary embeddings, never inverts a matrix that training could have
/// made
/// singular, merges in float64, keeps what is best on text that was not trained on, and ends in a usable block always.
/// `faithful` is the paper's configuration instead, as a baseline: full matrices at the norms, inverted directly and
/// kept
/// at run time, the gradual mask, fixed rates.
public final class AffineQuant implements BlockMethod<AffineQuant.Config> {
    /// How the matrices between v and o are written.
    public enum Form {
        /// Orthogonal, diagonal, orthogonal: bounded condition number, no inversion.
        SVD,
        /// Unit triangles and a diagonal.
        LU,
        /// Strictly diagonally dominant rows.
        DOMINANT,
        /// Scales alone.
        DIAGONAL,
        /// The matrix itself, as the paper has it.
        DIRECT,
        /// No transform there.
        NONE
    }

    /// What stands between a norm and the Linears that read it.
    public enum Norms {
        /// Scales that the norm absorbs.
        DIAGONAL,
        /// A full matrix, whose inverse runs behind the norm.
        FULL,
        /// Nothing.
        NONE
    }

    /// An explicit operation on the input of every Linear.
    public enum RunTime {
        /// Nothing: all is merged.
        NONE,
        /// A randomised Hadamard transform.
        HADAMARD,
        /// A learned Kronecker product.
        KRONECKER
    }

    /// Its settings.
    public record Config(
            @Key(value = "10", doc = "passes over the calibration sequences")
            int epochs,

            @Key(value = "12288", doc = "tokens of a pass, drawn from the calibration text; 0 = all")
            int tokens,

            @Key(value = "2", doc = "sequences of a step") int batch,

            @Key(value = "svd", doc = "how the matrix of each kv head between v and o is written")
            Form values,

            @Key(value = "diagonal", doc = "what stands between a norm and its Linears; full stays at run time")
            Norms norms,

            @Key(value = "none", doc = "an operation on every Linear's input, at run time")
            RunTime runTime,

            @Key(value = "true", doc = "a complex number for each rotary pair of queries and keys")
            boolean queriesKeys,

            @Key(value = "true", doc = "scales between up and down")
            boolean upDown,

            @Key(value = "false", doc = "a shift of the values, which gives v and o biases")
            boolean shift,

            @Key(value = "true", doc = "learn how far each group's range is clipped")
            boolean clip,

            @Key(value = "0", doc = "learning rate of scales; 0 = 0.003, and 0.05 with quantized activations")
            double scaleRate,

            @Key(
                    value = "0",
                    doc = "learning rate of what is off the diagonals; 0 = 0.0005, and 0.02 with quantized activations")
            double matrixRate,

            @Key(
                    value = "0",
                    doc = "learning rate of clipping; 0 = 0.1, more for weights alone in fewer than 120 steps")
            double clipRate,

            @Key(value = "false", doc = "open matrices band by band, from the diagonal outwards")
            boolean gradual,

            @Key(value = "1", doc = "factor of what is off the diagonals; 0 = diagonal transforms")
            double stabilityFactor,

            @Key(value = "1000", doc = "largest condition number of a matrix")
            double maxCondition,

            @Key(value = "true", doc = "errors relative to each token, as the next norm sees them")
            boolean tokenwise,

            @Key(value = "false", doc = "count the distance from the float block on quantized inputs too")
            boolean augmentedLoss,

            @Key(value = "false", doc = "the paper's own configuration: full matrices at the norms, kept at run time")
            boolean faithful) {
        public Config {
            TrainingPlan.checkTokens(tokens);
            plan(epochs, batch, scaleRate, matrixRate, clipRate);
            new GradualMask(epochs, stabilityFactor, gradual);
            if (!(maxCondition >= 1)) {
                throw new UsageException("max-condition is at least 1, not " + maxCondition);
            }
        }

        private static TrainingPlan plan(int epochs, int batch, double scale, double matrix, double clip) {
            return new TrainingPlan(epochs, batch, scale, matrix, clip, true, 1, 0.95, Double.MAX_VALUE);
        }

        /// The paper's learning rate of matrices.
        private static final double PAPER_RATE = 0.005;

        private static final double CLIP_RATE = 0.1;

        private static final double FASTEST_CLIP = 0.3;

        /// Steps times rate that clipping needs where rates fall to 0.
        private static final double CLIP_TRAVEL = 12;

        /// The plan of a training whose passes show `perPass` sequences.
        ///
        /// Where weights alone are rounded, most of what a large step moves only makes the ranges, which learn
        /// beside it, follow: small steps end lower. Activations need large ones. Ranges begin almost
        /// whole and have as far to go however few the steps are, which was measured without
        /// quantized activations only (docs/methods/affinequant.md).
        TrainingPlan plan(boolean activations, int perPass) {
            if (faithful) {
                double clip = clipRate > 0 ? clipRate : CLIP_RATE;
                return new TrainingPlan(epochs, batch, PAPER_RATE, PAPER_RATE, clip, false, 0, 0.999, Double.MAX_VALUE);
            }
            double scale = scaleRate > 0 ? scaleRate : activations ? 0.05 : 0.003;
            double matrix = matrixRate > 0 ? matrixRate : activations ? 0.02 : 0.0005;
            int steps = epochs * Math.ceilDiv(perPass, batch);
            double clip = activations ? CLIP_RATE : Math.clamp(CLIP_TRAVEL / steps, CLIP_RATE, FASTEST_CLIP);
            return plan(epochs, batch, scale, matrix, clipRate > 0 ? clipRate : clip);
        }
    }

    @Override
    public String name() {
        return "affinequant";
    }

    @Override
    public String summary() {
        return "AffineQuant (arXiv:2403.12544): learns invertible transforms block by block; needs calibration text";
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
        return run(task, config, BlockTrainer.Fault.NONE);
    }

    /// With gradients disturbed by `fault`.
    static BlockOutcome run(BlockTask task, Config config, BlockTrainer.Fault fault) {
        TransformTraining.Options options = new TransformTraining.Options(
                config.plan(
                        TransformTraining.activations(task).quantizes(),
                        new TrainingSequences(task, config.tokens()).perPass()),
                config.tokens(),
                config.clip(),
                !config.faithful(),
                config.tokenwise() && !config.faithful(),
                config.augmentedLoss());
        return new TransformTraining(task, options, fault).run(ladder(task, config));
    }

    /// The designs from what is asked for down to nothing but clipping.
    private static List<TransformTraining.Design> ladder(BlockTask task, Config config) {
        List<TransformTraining.Design> ladder = new ArrayList<>();
        boolean balanced =
                config.faithful() || TransformTraining.activations(task).quantizes();
        if (config.faithful()) {
            GradualMask mask = new GradualMask(config.epochs(), config.stabilityFactor(), true);
            ladder.add(new SiteDesign(
                    "faithful",
                    SiteDesign.Norms.FULL,
                    false,
                    false,
                    new DirectForm(),
                    mask,
                    config.shift(),
                    SiteDesign.RunTime.NONE));
        }
        GradualMask mask = new GradualMask(config.epochs(), config.stabilityFactor(), config.gradual());
        SiteDesign.Norms norms = SiteDesign.Norms.valueOf(config.norms().name());
        for (Form form : forms(config)) {
            ladder.add(new SiteDesign(
                    form.name().toLowerCase(Locale.ROOT),
                    form == Form.DIAGONAL && norms == SiteDesign.Norms.FULL ? SiteDesign.Norms.DIAGONAL : norms,
                    config.upDown(),
                    config.queriesKeys(),
                    form(form, config),
                    mask,
                    config.shift(),
                    SiteDesign.RunTime.valueOf(config.runTime().name())));
        }
        ladder.add(SiteDesign.clipping());
        return ladder;
    }

    private static List<Form> forms(Config config) {
        if (config.faithful()) {
            return List.of(Form.DIAGONAL);
        }
        return switch (config.values()) {
            case NONE -> List.of(Form.NONE);
            case DIAGONAL -> List.of(Form.DIAGONAL);
            case DOMINANT -> List.of(Form.DOMINANT, Form.DIAGONAL);
            case SVD, LU, DIRECT -> List.of(config.values(), Form.DOMINANT, Form.DIAGONAL);
        };
    }

    private static @Nullable InvertibleForm form(Form form, Config config) {
        return switch (form) {
            case SVD -> new SvdForm(config.maxCondition());
            case LU -> new LuForm(0.5);
            case DOMINANT -> new DominantForm(0.9);
            case DIAGONAL -> new DiagonalForm();
            case DIRECT -> new DirectForm();
            case NONE -> null;
        };
    }
}
