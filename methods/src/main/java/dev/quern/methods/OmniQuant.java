package dev.quern.methods;

import java.util.List;

/// OmniQuant (arXiv:2308.13137): learns how far each group's range is clipped and, where activations are quantized too,
/// scales between neighbouring parts of a block, by the block's output error.
///
/// Deviations from its code: norms here have no bias, so nothing is shifted there; the scale between queries and keys
/// is
/// one a rotary pair, for one a channel does not commute with the rotary embedding; no mixed precision; the best state
/// by held-out loss is kept, and a failing step goes back to it.
public final class OmniQuant implements BlockMethod<OmniQuant.Config> {
    /// Where scales are learned.
    public enum Scales {
        /// Where activations are quantized.
        AUTO,
        /// Always.
        ON,
        /// Never: clipping alone.
        OFF
    }

    /// Its settings.
    public record Config(
            @Key(value = "10", doc = "passes over the calibration sequences")
            int epochs,

            @Key(value = "12288", doc = "tokens of a pass, drawn from the calibration text; 0 = all")
            int tokens,

            @Key(value = "2", doc = "sequences of a step") int batch,

            @Key(value = "auto", doc = "learn scales between the parts of a block; auto = with quantized activations")
            Scales scales,

            @Key(
                    value = "0.1",
                    doc = "learning rate of clipping; the paper's 0.01 belongs to its ten times longer training")
            double clipRate,

            @Key(value = "0.005", doc = "learning rate of scales")
            double scaleRate,

            @Key(value = "false", doc = "count the distance from the float block on quantized inputs too")
            boolean augmentedLoss) {
        public Config {
            TrainingPlan.checkTokens(tokens);
            plan(epochs, batch, scaleRate, clipRate);
        }

        private static TrainingPlan plan(int epochs, int batch, double scaleRate, double clipRate) {
            return new TrainingPlan(epochs, batch, scaleRate, 0, clipRate, false, 0, 0.999, Double.MAX_VALUE);
        }

        TrainingPlan plan() {
            return plan(epochs, batch, scaleRate, clipRate);
        }
    }

    @Override
    public String name() {
        return "omniquant";
    }

    @Override
    public String summary() {
        return "OmniQuant (arXiv:2308.13137): learns clipping and scales block by block; needs calibration text";
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
        TransformTraining.Options options = new TransformTraining.Options(
                config.plan(), config.tokens(), true, false, false, config.augmentedLoss());
        TransformTraining training = new TransformTraining(task, options, BlockTrainer.Fault.NONE);
        SiteDesign scales = new SiteDesign(
                "scales",
                SiteDesign.Norms.DIAGONAL,
                false,
                true,
                new DiagonalForm(),
                GradualMask.OPEN,
                false,
                SiteDesign.RunTime.NONE);
        boolean wanted = config.scales() == Scales.ON
                || config.scales() == Scales.AUTO
                        && TransformTraining.activations(task).quantizes();
        return training.run(wanted ? List.of(scales, SiteDesign.clipping()) : List.of(SiteDesign.clipping()));
    }
}
