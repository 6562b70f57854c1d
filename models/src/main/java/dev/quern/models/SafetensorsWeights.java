package dev.quern.models;

import dev.quern.core.DenseWeight;
import dev.quern.core.KvScheme;
import dev.quern.core.PackedWeight;
import dev.quern.core.QuernException;
import dev.quern.core.Tensor;
import dev.quern.formats.SafetensorsFile;
import dev.quern.formats.StoredInput;
import dev.quern.formats.WeightLayout;
import java.util.List;
import java.util.Optional;

/// Weights of a safetensors checkpoint; quantized modules appear under the name of the weight they replace, with the
/// inputs that their layout or Quern's own object in config.json asks for.
final class SafetensorsWeights implements WeightSource {
    private static final String WEIGHT = ".weight";

    private final SafetensorsFile file;
    private final Optional<WeightLayout> layout;
    private final QuernConfig quern;

    SafetensorsWeights(SafetensorsFile file, Optional<WeightLayout> layout, QuernConfig quern) {
        this.file = file;
        this.layout = layout.map(l -> l.resolve(file));
        this.quern = quern;
    }

    @Override
    public boolean has(String name) {
        return file.names().contains(name) || packed(name);
    }

    @Override
    public PackedWeight weight(String name) {
        if (packed(name)) {
            return layout.orElseThrow().read(file, module(name));
        }
        if (file.names().contains(name)) {
            Tensor tensor = file.tensor(name);
            if (!tensor.dtype().isFloat()) {
                throw unexplained(name);
            }
            return new DenseWeight(tensor);
        }
        if (name.endsWith(WEIGHT) && file.names().contains(module(name) + ".qweight")) {
            throw unexplained(module(name) + ".qweight");
        }
        throw new QuernException("tensor " + name + " is missing from the checkpoint");
    }

    private static QuernException unexplained(String name) {
        return new QuernException(name + ": the checkpoint has no quantization_config that says how it is packed");
    }

    @Override
    public float[] vector(String name) {
        if (!file.names().contains(name)) {
            throw new QuernException("tensor " + name + " is missing from the checkpoint");
        }
        Tensor tensor = file.tensor(name);
        return tensor.toFloats();
    }

    @Override
    public LinearInput input(Linear linear) {
        Optional<LinearInput> own = quern.input(file, linear);
        if (own.isPresent()) {
            return own.get();
        }
        if (!packed(linear.weightName())) {
            return LinearInput.AS_IS;
        }
        StoredInput stored = layout.orElseThrow().input(file, linear.name());
        return quern.shared(new LinearInput(List.of(), stored.scheme(), stored.range(), stored.exact()));
    }

    @Override
    public KvScheme kv() {
        KvScheme own = quern.kv();
        return own.equals(KvScheme.FLOAT) ? layout.map(WeightLayout::kv).orElse(own) : own;
    }

    private boolean packed(String name) {
        return name.endsWith(WEIGHT) && layout.isPresent() && layout.get().holds(file, module(name));
    }

    private static String module(String name) {
        return name.substring(0, name.length() - WEIGHT.length());
    }
}
