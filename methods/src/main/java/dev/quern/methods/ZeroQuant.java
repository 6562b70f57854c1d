package dev.quern.methods;

import dev.quern.core.ActivationScheme;
import dev.quern.core.UsageException;
import java.util.List;
import java.util.Map;

/// ZeroQuant (arXiv:2206.01861): weights in symmetric groups, activations per token, nothing else; as an option its
/// layer-by-layer distillation trains each block's weights to give, once rounded, the float block's outputs.
public final class ZeroQuant implements BlockMethod<ZeroQuant.Config> {
    /// Its settings.
    public record Config(
            @Key(value = "0", doc = "steps of layer-by-layer distillation for each block; 0 = none")
            int steps,

            @Key(value = "2e-5", doc = "learning rate of the distillation (Adam)")
            double rate,

            @Key(value = "2048", doc = "calibration tokens that the result is judged on")
            int tokens) {
        public Config {
            if (steps < 0) {
                throw new UsageException("steps is not negative, unlike " + steps);
            }
            if (!(rate > 0)) {
                throw new UsageException("rate is positive, not " + rate);
            }
            if (tokens < 1) {
                throw new UsageException("tokens is at least 1, not " + tokens);
            }
        }
    }

    @Override
    public String name() {
        return "zeroquant";
    }

    @Override
    public String summary() {
        return "ZeroQuant (arXiv:2206.01861): W8A8, weights in groups, activations per token; steps=N distils each block"
                + " (needs calibration text)";
    }

    @Override
    public Class<Config> configType() {
        return Config.class;
    }

    @Override
    public Map<String, ?> followerKeys() {
        return Map.of("bits", 8, "symmetric", true);
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
        return config.steps() > 0;
    }

    @Override
    public BlockOutcome transform(BlockTask task, Config config) {
        if (config.steps() == 0) {
            return BlockOutcome.none();
        }
        BlockParameters before = task.parameters().copy();
        BlockProbe probe = BlockProbe.heldOut(task, config.tokens());
        double lossBefore = probe.heldError(task.parameters());
        Map<String, Double> figures = Map.of("steps", (double) config.steps());
        String fallback = new Distillation(task, config).run();
        double lossAfter = probe.heldError(task.parameters());
        if (fallback == null && !(lossAfter <= lossBefore)) {
            fallback = BlockOutcome.noBetter("the weights as they were", "distilled", lossBefore, lossAfter);
        }
        if (fallback != null) {
            task.parameters().restore(before);
            return new BlockOutcome(lossBefore, lossBefore, figures, fallback, List.of());
        }
        return new BlockOutcome(lossBefore, lossAfter, figures, null, List.of());
    }
}
