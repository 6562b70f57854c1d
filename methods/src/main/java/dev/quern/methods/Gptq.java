package dev.quern.methods;

import dev.quern.core.QuantScheme;

/// GPTQ (arXiv:2210.17323): columns are rounded one after the other, and the columns still to come make up for the
/// error.
public final class Gptq implements WeightMethod<Gptq.Config> {
    /// Its settings.
    public record Config(
            @Key(value = "4", doc = "bits of a code: 2, 3, 4 or 8")
            int bits,

            @Key(value = "128", doc = "inputs that share a scale; 0 = the whole row")
            int groupSize,

            @Key(value = "false", doc = "zero point fixed in the middle")
            boolean symmetric,

            @Key(value = "mse", doc = "how ranges are found")
            Range range,

            @Key(value = "0.01", doc = "share of the mean diagonal added to the Hessian")
            double damping,

            @Key(value = "true", doc = "most important inputs first (groups stay contiguous)")
            boolean actOrder,

            @Key(value = "128", doc = "columns of a block; changes speed only")
            int blockSize,

            @Key(value = "1", doc = "share of the drift from the float model to be made up for; 0 = none")
            double retarget,

            @Key(value = "2", doc = "rounds of scale refit and code correction after the columns")
            int refine) {
        QuantScheme scheme() {
            return new QuantScheme(bits, groupSize, symmetric);
        }

        public Config {
            new QuantScheme(bits, groupSize, symmetric);
        }
    }

    @Override
    public String name() {
        return "gptq";
    }

    @Override
    public String summary() {
        return "GPTQ (arXiv:2210.17323): rounds column by column, later columns make up for the error; needs calibration text";
    }

    @Override
    public Class<Config> configType() {
        return Config.class;
    }

    @Override
    public WeightFormat format(Config config) {
        return new WeightFormat.Grouped(config.scheme());
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
    public QuantizedLinear quantize(LinearTask task, Config config) {
        throw new UnsupportedOperationException("under construction " + task + config);
    }
}
