package dev.quern.methods;

import dev.quern.core.QuantScheme;
import dev.quern.core.UsageException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// GPTQ (arXiv:2210.17323): columns are rounded one after the other, and the columns still to come make up for the
/// error.
public final class Gptq implements WeightMethod<Gptq.Config> {
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

            @Key(value = "true", doc = "most important inputs first (groups stay contiguous)")
            boolean actOrder,

            @Key(value = "128", doc = "columns of a block; changes speed only")
            int blockSize,

            @Key(value = "1", doc = "share of the drift from the float model to be made up for; 0 = none")
            double retarget,

            @Key(value = "2", doc = "rounds of scale refit and code correction after the columns")
            int refine,

            @Key(value = "0", doc = "times over the text that train scales against the block's output; 0 = none")
            int blockEpochs,

            @Key(value = "0.002", doc = "their step, as a share of each scale")
            double blockRate) {
        QuantScheme scheme() {
            return new QuantScheme(bits, groupSize, symmetric);
        }

        public Config {
            new QuantScheme(bits, groupSize, symmetric);
            if (!(damping >= 0)) {
                throw new UsageException("damping is not negative, unlike " + damping);
            }
            if (blockSize < 1) {
                throw new UsageException("block-size is at least 1, not " + blockSize);
            }
            if (!(retarget >= 0 && retarget <= 1)) {
                throw new UsageException("retarget is a share between 0 and 1, not " + retarget);
            }
            if (refine < 0) {
                throw new UsageException("refine is not negative, unlike " + refine);
            }
            Tuning.check(blockEpochs, blockRate);
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
        Optional<Damping> damping = hessian.damped(config.damping(), config.actOrder(), task.parallel());
        if (damping.isEmpty()) {
            return roundToNearest(task, config, "rtn: the Hessian is not positive definite even damped", notes);
        }
        return quantize(task, config, hessian, damping.get(), notes);
    }

    private static QuantizedLinear quantize(
            LinearTask task, Config config, Hessian hessian, Damping damping, List<String> notes) {
        int rows = task.rows();
        int cols = task.cols();
        Parallel parallel = task.parallel();
        double[] target = Retarget.apply(task.weight(), rows, cols, hessian, damping, config.retarget(), parallel);
        int dead = clearDead(target, damping.dead());
        if (dead > 0) {
            notes.add(dead + " inputs are always zero; their weights are stored as zero");
        }
        float[] wanted = new float[target.length];
        for (int i = 0; i < wanted.length; i++) {
            wanted[i] = (float) target[i];
            if (!Float.isFinite(wanted[i])) {
                return roundToNearest(task, config, "rtn: the targets are not finite", notes);
            }
        }
        Grid grid = GridSearch.fit(wanted, rows, cols, config.scheme(), config.range(), damping.importance(), parallel);
        Grid plain = grid.copy();
        ColumnLoop loop = new ColumnLoop(target, grid, damping, config.blockSize());
        loop.run(parallel);
        byte[] codes = loop.codes();
        double[] losses = new double[rows];
        new Refinement(damping.h(), target, codes, grid, losses).run(config.refine(), parallel);
        Safeguard guard = new Safeguard(damping.h(), target, parallel);
        int kept = guard.keepBetter(grid, codes, losses, plain, Rtn.codes(wanted, plain, parallel));
        if (kept > 0) {
            notes.add(kept + " of " + rows + " rows are rounded to nearest, which lost less");
        }
        double total = guard.energy(task.weight(), rows);
        double lost = Arrays.stream(losses).sum();
        return new QuantizedLinear(grid.pack(codes), total > 0 ? lost / total : 0, damping.fallback(), notes);
    }

    private static QuantizedLinear roundToNearest(LinearTask task, Config config, String fallback, List<String> notes) {
        Rtn.Config plain = new Rtn.Config(config.bits(), config.groupSize(), config.symmetric(), config.range());
        QuantizedLinear result = new Rtn().quantize(task, plain);
        return new QuantizedLinear(result.weight(), result.relativeError(), fallback, notes);
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
