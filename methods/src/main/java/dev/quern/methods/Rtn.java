package dev.quern.methods;

import dev.quern.core.QuantScheme;
import java.util.List;

/// Round to nearest: each weight becomes the nearest value of its group's grid. Needs no calibration text; the baseline
/// of every other method.
public final class Rtn implements WeightMethod<Rtn.Config> {
    /// Its settings.
    public record Config(
            @Key(value = "4", doc = "bits of a code: 2, 3, 4, 5, 6 or 8")
            int bits,

            @Key(value = "128", doc = "inputs that share a scale; 0 = the whole row")
            int groupSize,

            @Key(value = "false", doc = "zero point fixed in the middle")
            boolean symmetric,

            @Key(value = "min-max", doc = "how ranges are found")
            Range range) {
        QuantScheme scheme() {
            return new QuantScheme(bits, groupSize, symmetric);
        }

        public Config {
            new QuantScheme(bits, groupSize, symmetric);
        }
    }

    @Override
    public String name() {
        return "rtn";
    }

    @Override
    public String summary() {
        return "round to nearest: no calibration, seconds; the baseline";
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
        return false;
    }

    @Override
    public QuantizedLinear quantize(LinearTask task, Config config) {
        Grid grid = GridSearch.fit(
                task.weight(), task.rows(), task.cols(), config.scheme(), config.range(), null, task.parallel());
        byte[] codes = codes(task.weight(), grid, task.parallel());
        return new QuantizedLinear(grid.pack(codes), relativeError(task, grid, codes), null, List.of());
    }

    /// The nearest codes of `weight` on `grid`.
    static byte[] codes(float[] weight, Grid grid, Parallel parallel) {
        byte[] codes = new byte[weight.length];
        parallel.run(grid.rows(), row -> {
            for (int col = 0; col < grid.cols(); col++) {
                int at = row * grid.cols() + col;
                codes[at] = (byte) grid.code(row, col / grid.groupSize(), weight[at]);
            }
        });
        return codes;
    }

    private static double relativeError(LinearTask task, Grid grid, byte[] codes) {
        double lost = 0;
        double total = 0;
        for (int row = 0; row < task.rows(); row++) {
            for (int col = 0; col < task.cols(); col++) {
                int at = row * task.cols() + col;
                double x = task.weight()[at];
                double gap = x - grid.value(row, col / grid.groupSize(), Byte.toUnsignedInt(codes[at]));
                lost += gap * gap;
                total += x * x;
            }
        }
        return total > 0 ? lost / total : 0;
    }
}
