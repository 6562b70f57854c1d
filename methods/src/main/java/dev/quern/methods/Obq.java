package dev.quern.methods;

import dev.quern.core.QuantScheme;
import dev.quern.core.UsageException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// OBQ (arXiv:2208.11580), exact: each row rounds its weights in the order that costs least. The cube of the
/// inputs for
/// every single row, so for small layers; larger ones go to GPTQ, which is OBQ in one order for all rows.
public final class Obq implements WeightMethod<Obq.Config> {
    /// Its settings.
    public record Config(
            @Key(value = "4", doc = "bits of a code: 2, 3, 4, 5, 6 or 8")
            int bits,

            @Key(value = "128", doc = "inputs that share a scale; 0 = the whole row")
            int groupSize,

            @Key(value = "false", doc = "zero point fixed in the middle")
            boolean symmetric,

            @Key(value = "mse", doc = "how ranges are found")
            Range range,

            @Key(value = "0.01", doc = "share of the mean diagonal added to the Hessian")
            double damping,

            @Key(value = "256", doc = "inputs up to which a layer is small; GPTQ takes the others")
            int maxInputs) {
        QuantScheme scheme() {
            return new QuantScheme(bits, groupSize, symmetric);
        }

        public Config {
            new QuantScheme(bits, groupSize, symmetric);
            if (!(damping >= 0)) {
                throw new UsageException("damping is not negative, unlike " + damping);
            }
            if (maxInputs < 1) {
                throw new UsageException("max-inputs is at least 1, not " + maxInputs);
            }
        }

        /// The same work for GPTQ.
        Gptq.Config gptq() {
            return new Gptq.Config(bits, groupSize, symmetric, range, damping, true, 128, 0, 0, 0, 0.002);
        }
    }

    @Override
    public String name() {
        return "obq";
    }

    @Override
    public String summary() {
        return "OBQ (arXiv:2208.11580): each row in its own best order; exact and slow, for layers of few inputs; needs"
                + " calibration text";
    }

    @Override
    public Class<Config> configType() {
        return Config.class;
    }

    @Override
    public WeightFormat format(Config config) {
        return new WeightFormat.Grouped(config.scheme());
    }

    /// One is enough to see: it takes long.
    @Override
    public List<Integer> widths() {
        return List.of(3);
    }

    @Override
    public boolean calibrated(Config config) {
        return true;
    }

    @Override
    public QuantizedLinear quantize(LinearTask task, Config config) {
        if (task.cols() > config.maxInputs()) {
            return fallback(task, config, "gptq: " + task.cols() + " inputs are more than max-inputs");
        }
        Hessian hessian = task.requireHessian();
        Optional<Damping> damping = hessian.damped(config.damping(), false, task.parallel());
        if (damping.isEmpty()) {
            return fallback(task, config, "gptq: the Hessian is not positive definite even damped");
        }
        return quantize(task, config, damping.get());
    }

    private static QuantizedLinear fallback(LinearTask task, Config config, String reason) {
        QuantizedLinear result = new Gptq().quantize(task, config.gptq());
        List<String> notes = new ArrayList<>(result.notes());
        if (result.fallback() != null) {
            notes.add("gptq fell back to " + result.fallback());
        }
        return new QuantizedLinear(result.weight(), result.relativeError(), reason, notes);
    }

    private static QuantizedLinear quantize(LinearTask task, Config config, Damping damping) {
        int rows = task.rows();
        int cols = task.cols();
        float[] wanted = task.weight().clone();
        for (int i = 0; i < wanted.length; i++) {
            wanted[i] = damping.dead()[i % cols] ? 0 : wanted[i];
        }
        Grid grid = GridSearch.fit(
                wanted, rows, cols, config.scheme(), config.range(), damping.importance(), task.parallel());
        Grid plain = grid.copy();
        double[] inverse = inverse(damping.factor(), task.parallel());
        byte[] codes = new byte[wanted.length];
        double[] losses = new double[rows];
        double[] target = new double[wanted.length];
        for (int i = 0; i < target.length; i++) {
            target[i] = wanted[i];
        }
        task.parallel().run(rows, row -> {
            ObqRow done = row(target, grid, row, inverse.clone());
            for (int col = 0; col < cols; col++) {
                int group = col / grid.groupSize();
                codes[row * cols + col] = (byte) grid.code(row, group, (float) done.values()[col]);
            }
            losses[row] = done.loss();
        });
        Safeguard guard = new Safeguard(damping.h(), target, task.parallel());
        guard.keepBetter(grid, codes, losses, plain, Rtn.codes(wanted, plain, task.parallel()));
        double total = guard.energy(task.weight(), rows);
        double lost = Arrays.stream(losses).sum();
        return new QuantizedLinear(grid.pack(codes), total > 0 ? lost / total : 0, damping.fallback(), List.of());
    }

    /// Row `row` of `target` on its grid; `inverse` is used up.
    static ObqRow row(double[] target, Grid grid, int row, double[] inverse) {
        int cols = grid.cols();
        return new ObqRow(
                Arrays.copyOfRange(target, row * cols, (row + 1) * cols),
                inverse,
                (col, weight) -> {
                    int group = col / grid.groupSize();
                    return grid.value(row, group, grid.code(row, group, (float) weight));
                },
                col -> grid.scale(row, col / grid.groupSize()));
    }

    /// `H⁻¹` of the factor's `H = R·Rᵀ`.
    static double[] inverse(UpperFactor factor, Parallel parallel) {
        int n = factor.size();
        double[] identity = new double[n * n];
        for (int i = 0; i < n; i++) {
            identity[i * n + i] = 1;
        }
        return Products.solve(identity, n, factor.r(), n, parallel);
    }
}
