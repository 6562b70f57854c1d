package dev.quern.methods;

import dev.quern.core.TableCodes;
import dev.quern.core.TableWeight;
import dev.quern.core.UsageException;
import java.util.List;

/// QLoRA's 4-bit types (arXiv:2305.14314), NF4 and FP4: blocks of weights divided by their largest magnitude, each
/// weight
/// the nearest of 16 fixed values, in bitsandbytes' layout. Needs no calibration text.
public final class FourBitFloat implements WeightMethod<FourBitFloat.Config> {
    private static final List<Integer> BLOCKS = List.of(32, 64, 128, 256, 512, 1024, 2048, 4096);

    /// Its settings.
    public record Config(
            @Key(value = "64", doc = "weights that share a scale: 32, 64, 128 … 4096")
            int blockSize,

            @Key(value = "false", doc = "scales in 8 bits, with a scale for each 256 of them")
            boolean doubleQuant) {
        public Config {
            if (!BLOCKS.contains(blockSize)) {
                throw new UsageException("block-size is one of " + BLOCKS + ", not " + blockSize);
            }
        }
    }

    private final TableCodes.Kind kind;

    FourBitFloat(TableCodes.Kind kind) {
        this.kind = kind;
    }

    @Override
    public String name() {
        return kind.toString();
    }

    @Override
    public String summary() {
        return switch (kind) {
            case NF4 -> "NF4 (arXiv:2305.14314): 4-bit codes for normally distributed weights; no calibration";
            case FP4 -> "FP4: 4-bit floats, bitsandbytes' other 4-bit type; no calibration";
        };
    }

    @Override
    public Class<Config> configType() {
        return Config.class;
    }

    @Override
    public WeightFormat format(Config config) {
        return new TableFormat(kind, config.blockSize(), config.doubleQuant());
    }

    @Override
    public List<Integer> widths() {
        return List.of(4);
    }

    @Override
    public boolean calibrated(Config config) {
        return false;
    }

    @Override
    public QuantizedLinear quantize(LinearTask task, Config config) {
        TableWeight weight = new TableFormat(kind, config.blockSize(), config.doubleQuant())
                .nearest(task.weight(), task.rows(), task.cols(), task.parallel());
        return new QuantizedLinear(weight, RelativeError.of(task.weight(), weight.unpack()), null, List.of());
    }
}
