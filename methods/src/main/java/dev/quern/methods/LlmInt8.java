package dev.quern.methods;

import dev.quern.core.ActivationScheme;
import dev.quern.core.DType;
import dev.quern.core.Int8Weight;
import dev.quern.core.OutlierInt8Weight;
import dev.quern.core.Tensor;
import dev.quern.core.UsageException;
import java.util.List;
import java.util.stream.IntStream;

/// LLM.int8() (arXiv:2208.07339): 8-bit rows times 8-bit tokens, and the few inputs that reach a threshold are
/// multiplied in 16 bits beside them.
///
/// Deviation from the paper: outlier inputs are those that reach the threshold anywhere in the calibration text, so
/// their weights are stored in 16 bits once and for all; the paper finds them anew at every call.
public final class LlmInt8 implements WeightMethod<LlmInt8.Config> {
    /// Its settings.
    public record Config(
            @Key(value = "6", doc = "magnitude from which an input is an outlier")
            double threshold) {
        public Config {
            if (!(threshold >= 0)) {
                throw new UsageException("threshold is not negative, unlike " + threshold);
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
        return new Int8Format(true, (float) config.threshold());
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
    public boolean wantsMoments(Config config) {
        return false;
    }

    @Override
    public boolean wantsRanges(Config config) {
        return true;
    }

    @Override
    public QuantizedLinear quantize(LinearTask task, Config config) {
        float[] largest = task.requireRanges().largest();
        int[] outliers = IntStream.range(0, task.cols())
                .filter(col -> largest[col] >= config.threshold())
                .toArray();
        float[] rest = task.weight().clone();
        float[] kept = new float[task.rows() * outliers.length];
        for (int row = 0; row < task.rows(); row++) {
            for (int i = 0; i < outliers.length; i++) {
                int at = row * task.cols() + outliers[i];
                kept[row * outliers.length + i] = rest[at];
                rest[at] = 0;
            }
        }
        Int8Weight regular = Int8Weight.nearest(task.rows(), task.cols(), rest, DType.F32);
        OutlierInt8Weight weight =
                new OutlierInt8Weight(regular, outliers, Tensor.of(DType.F16, kept, task.rows(), outliers.length));
        return new QuantizedLinear(
                weight,
                relativeError(task.weight(), weight.unpack()),
                null,
                List.of(outliers.length + " of " + task.cols() + " inputs are outliers"));
    }

    private static double relativeError(float[] exact, float[] found) {
        double lost = IntStream.range(0, exact.length)
                .mapToDouble(i -> ((double) exact[i] - found[i]) * ((double) exact[i] - found[i]))
                .sum();
        double total = IntStream.range(0, exact.length)
                .mapToDouble(i -> (double) exact[i] * exact[i])
                .sum();
        return total > 0 ? lost / total : 0;
    }
}
