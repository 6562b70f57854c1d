package dev.quern.methods;

import dev.quern.core.ActivationScheme;
import dev.quern.core.DType;
import dev.quern.core.Int8Weight;
import dev.quern.core.OutlierInt8Weight;
import dev.quern.core.Tensor;
import dev.quern.core.UsageException;
import java.util.List;

/// LLM.int8() (arXiv:2208.07339): 8-bit rows times 8-bit tokens, and the few inputs that reach a threshold are
/// multiplied in 16 bits beside them. Without `outliers` the rows alone, as bitsandbytes writes them.
///
/// Deviation from the paper: outlier inputs are those that reach the threshold anywhere in the calibration text, so
/// their weights are stored in 16 bits once and for all; the paper finds them anew at every call.
public final class LlmInt8 implements WeightMethod<LlmInt8.Config> {
    /// Its settings.
    public record Config(
            @Key(value = "6", doc = "magnitude from which an input is an outlier")
            double threshold,

            @Key(
                    value = "1",
                    doc =
                            "largest share of a layer's inputs that are outliers, the largest first; 1 = all that reach the threshold")
            double share,

            @Key(
                    value = "true",
                    doc = "keep the outliers that calibration found; false = 8-bit rows alone, no calibration")
            boolean outliers) {
        public Config {
            if (!(threshold >= 0)) {
                throw new UsageException("threshold is not negative, unlike " + threshold);
            }
            if (!(share >= 0 && share <= 1)) {
                throw new UsageException("share is between 0 and 1, not " + share);
            }
        }
    }

    @Override
    public String name() {
        return "llm-int8";
    }

    @Override
    public String summary() {
        return "LLM.int8() (arXiv:2208.07339): W8A8 per token, outlier inputs in 16 bits; needs calibration text to find"
                + " them";
    }

    @Override
    public Class<Config> configType() {
        return Config.class;
    }

    @Override
    public WeightFormat format(Config config) {
        return new Int8Format(config.outliers(), (float) config.threshold(), config.share());
    }

    @Override
    public List<Integer> widths() {
        return List.of(8);
    }

    @Override
    public ActivationScheme activations(Config config) {
        return config.outliers() ? ActivationScheme.dynamic(8, true) : ActivationScheme.FLOAT;
    }

    @Override
    public boolean calibrated(Config config) {
        return config.outliers();
    }

    @Override
    public boolean wantsMoments(Config config) {
        return false;
    }

    @Override
    public boolean wantsRanges(Config config) {
        return config.outliers();
    }

    @Override
    public QuantizedLinear quantize(LinearTask task, Config config) {
        Int8Weight rows = Int8Weight.nearestLargest(task.rows(), task.cols(), task.weight());
        if (!config.outliers()) {
            return new QuantizedLinear(rows, RelativeError.of(task.weight(), rows.unpack()), null, List.of());
        }
        int[] outliers = format(config).exactInputs(() -> task.requireRanges().largest());
        float[] kept = new float[task.rows() * outliers.length];
        for (int row = 0; row < task.rows(); row++) {
            for (int i = 0; i < outliers.length; i++) {
                kept[row * outliers.length + i] = task.weight()[row * task.cols() + outliers[i]];
            }
        }
        // the rows hold the outliers' codes too, for readers that find outliers as they run
        OutlierInt8Weight weight =
                new OutlierInt8Weight(rows, outliers, Tensor.of(DType.F16, kept, task.rows(), outliers.length));
        return new QuantizedLinear(
                weight,
                RelativeError.of(task.weight(), weight.unpack()),
                null,
                List.of(outliers.length + " of " + task.cols() + " inputs are outliers"));
    }
}
