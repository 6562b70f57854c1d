package dev.quern.methods;

import dev.quern.core.NumericException;
import dev.quern.core.PackedWeight;
import dev.quern.models.Block;
import dev.quern.models.HeadNorms;
import dev.quern.models.InputTransform;
import dev.quern.models.Linear;
import dev.quern.models.LinearInput;
import dev.quern.models.Norm;
import dev.quern.models.Stage;
import dev.quern.models.WeightSource;
import dev.quern.torch.TorchWeights;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The float parameters of one block while methods rewrite them: each Linear's `W [out, in]` and bias, the norms
/// whose
/// output a Linear reads, the norms of heads.
///
/// Arrays are handed out to be changed in place. Norm weights are as stored, without what the family adds to them.
/// Not thread-safe, except that threads may write different rows.
public final class BlockParameters {
    private final Block block;
    private final WeightSource source;
    private final Map<Linear, float[]> weights = new LinkedHashMap<>();
    private final Map<Linear, float[]> biases = new LinkedHashMap<>();
    private final Map<Norm, float[]> norms = new LinkedHashMap<>();
    private final Map<Linear, LinearInput> inputs = new LinkedHashMap<>();

    private BlockParameters(Block block, WeightSource source) {
        this.block = block;
        this.source = source;
    }

    /// A copy of what `source` holds; throws `NumericException` where a weight is not finite.
    public static BlockParameters read(Block block, WeightSource source) {
        BlockParameters parameters = new BlockParameters(block, source);
        for (Linear linear : block.linears()) {
            parameters.weights.put(linear, values(source, linear));
            if (linear.bias()) {
                parameters.biases.put(linear, source.vector(linear.biasName()).clone());
            }
        }
        for (Norm norm : norms(block)) {
            parameters.norms.put(norm, source.vector(norm.name()).clone());
        }
        return parameters;
    }

    /// The norms that methods may change.
    static List<Norm> norms(Block block) {
        List<Norm> norms = new ArrayList<>();
        for (Stage stage : block.stages()) {
            Norm norm = stage.norm();
            if (norm != null) {
                norms.add(norm);
            }
            HeadNorms heads = stage.headNorms();
            if (heads != null) {
                norms.addAll(List.of(heads.q(), heads.k()));
            }
        }
        return norms;
    }

    /// The float weights of `linear` in `source`; throws `NumericException` where one is not finite.
    static float[] values(WeightSource source, Linear linear) {
        PackedWeight stored = source.weight(linear.weightName());
        float[] values = stored.unpack();
        Mapped.release(stored);
        for (int i = 0; i < values.length; i++) {
            if (!Float.isFinite(values[i])) {
                int cols = linear.inFeatures();
                throw new NumericException(
                        linear.weightName(),
                        "reading",
                        values[i] + " in row " + i / cols + ", column " + i % cols
                                + "; mend the checkpoint or --exclude this layer");
            }
        }
        return values;
    }

    public Block block() {
        return block;
    }

    /// `W [out, in]` row-major, to be changed in place.
    public float[] weight(Linear linear) {
        return known(weights.get(linear), linear.name());
    }

    /// The bias `[out]`, to be changed in place; null where there is none.
    public float @Nullable [] bias(Linear linear) {
        return biases.get(linear);
    }

    /// Gives `linear` a bias `[out]`, also where it had none.
    public void setBias(Linear linear, float[] bias) {
        if (bias.length != linear.outFeatures()) {
            throw new IllegalArgumentException(bias.length + " biases for " + linear.outFeatures() + " outputs");
        }
        biases.put(linear, bias);
    }

    /// The stored weight of a norm whose output a Linear reads, or of a norm of heads; to be changed in place.
    public float[] norm(Norm norm) {
        return known(norms.get(norm), norm.name());
    }

    private static float[] known(float @Nullable [] values, String name) {
        if (values == null) {
            throw new IllegalArgumentException(name + " is not of this block");
        }
        return values;
    }

    /// `W ← W·diag(scale)`, in float64; throws where the Linear's input has run-time transforms, which the scales
    /// would
    /// have to pass.
    public void scaleColumns(Linear linear, double[] scale) {
        if (!transforms(linear).isEmpty()) {
            throw new IllegalStateException(linear.name() + ": its input is transformed when it runs");
        }
        float[] weight = weight(linear);
        int cols = linear.inFeatures();
        for (int i = 0; i < weight.length; i++) {
            weight[i] = (float) (weight[i] * scale[i % cols]);
        }
    }

    /// `W ← diag(scale)·W` and the bias along with it, in float64.
    public void scaleRows(Linear linear, double[] scale) {
        float[] weight = weight(linear);
        int cols = linear.inFeatures();
        for (int i = 0; i < weight.length; i++) {
            weight[i] = (float) (weight[i] * scale[i / cols]);
        }
        float[] bias = bias(linear);
        for (int i = 0; bias != null && i < bias.length; i++) {
            bias[i] = (float) (bias[i] * scale[i]);
        }
    }

    /// The run-time transforms of the Linear's input, in the order that they run; empty at first.
    public List<InputTransform> transforms(Linear linear) {
        return input(linear).transforms();
    }

    /// What happens to the Linear's input: its transforms, nothing quantized. Linears that share it share the
    /// object.
    LinearInput input(Linear linear) {
        return inputs.getOrDefault(linear, LinearInput.AS_IS);
    }

    /// Lets the input of `linears`, which all read the same value, run through `transform` behind what it runs
    /// through
    /// already, and makes up for it in their weights. No scale can be folded into these Linears any more.
    public void transformInput(List<Linear> linears, InputTransform transform) {
        List<InputTransform> transforms = new ArrayList<>(transforms(linears.getFirst()));
        transforms.add(transform);
        LinearInput input = LinearInput.AS_IS.withTransforms(transforms);
        InputTransform.RowMap counter = transform.counter();
        for (Linear linear : linears) {
            if (!transforms(linear).equals(transforms(linears.getFirst()))) {
                throw new IllegalArgumentException(linear.name() + " has other transforms before this one");
            }
        }
        for (Linear linear : linears) {
            float[] weight = weight(linear);
            int cols = linear.inFeatures();
            double[] row = new double[cols];
            for (int at = 0; at < weight.length; at += cols) {
                for (int i = 0; i < cols; i++) {
                    row[i] = weight[at + i];
                }
                counter.apply(row, 0);
                for (int i = 0; i < cols; i++) {
                    weight[at + i] = (float) row[i];
                }
            }
            inputs.put(linear, input);
        }
    }

    /// True where every number is finite.
    public boolean isFinite() {
        return allFinite(weights) && allFinite(biases) && allFinite(norms);
    }

    private static boolean allFinite(Map<?, float[]> arrays) {
        for (float[] values : arrays.values()) {
            for (float value : values) {
                if (!Float.isFinite(value)) {
                    return false;
                }
            }
        }
        return true;
    }

    /// Arrays of its own with the same values.
    public BlockParameters copy() {
        BlockParameters copy = new BlockParameters(block, source);
        copy.restore(this);
        return copy;
    }

    /// Takes over everything from `other`, for instance a snapshot.
    public void restore(BlockParameters other) {
        replace(weights, other.weights);
        replace(biases, other.biases);
        replace(norms, other.norms);
        inputs.clear();
        inputs.putAll(other.inputs);
    }

    private static <K> void replace(Map<K, float[]> mine, Map<K, float[]> others) {
        Map<K, float[]> copied = new LinkedHashMap<>();
        others.forEach((key, values) -> copied.put(key, values.clone()));
        mine.clear();
        mine.putAll(copied);
    }

    /// A copy as tensors of the open scope, run-time transforms included.
    public TorchWeights torch() {
        return tensors();
    }

    /// The same, to be changed one by one.
    BlockWeights tensors() {
        return new BlockWeights(this, source);
    }
}
