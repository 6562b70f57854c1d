package dev.quern.models;

import dev.quern.core.DenseWeight;
import dev.quern.core.PackedWeight;
import dev.quern.core.QuernException;
import dev.quern.core.Tensor;
import dev.quern.formats.GptqConfig;
import dev.quern.formats.GptqLayout;
import dev.quern.formats.SafetensorsFile;
import dev.quern.formats.VptqConfig;
import dev.quern.formats.VptqLayout;
import java.util.Optional;

/// Weights of a safetensors checkpoint; modules in the GPTQ layout appear under the name of the weight they replace.
final class SafetensorsWeights implements WeightSource {
    private static final String WEIGHT = ".weight";

    private final SafetensorsFile file;
    private final Optional<GptqConfig> gptq;
    private final Optional<VptqConfig> vptq;

    SafetensorsWeights(SafetensorsFile file, Optional<GptqConfig> gptq, Optional<VptqConfig> vptq) {
        this.file = file;
        this.gptq = gptq.map(config -> GptqLayout.resolve(file, config));
        this.vptq = vptq;
    }

    @Override
    public boolean has(String name) {
        return file.names().contains(name) || packed(name) || vectors(name);
    }

    @Override
    public PackedWeight weight(String name) {
        if (file.names().contains(name)) {
            return new DenseWeight(file.tensor(name));
        }
        if (packed(name)) {
            GptqConfig config = gptq.orElseThrow(() -> new QuernException(
                    module(name) + ".qweight: the checkpoint has no quantization_config that says how it is packed"));
            return GptqLayout.read(file, module(name), config);
        }
        if (vectors(name)) {
            VptqConfig config = vptq.orElseThrow(() -> new QuernException(module(name)
                    + ".centroids.weight: the checkpoint has no quantization_config that says how it is stored"));
            return VptqLayout.read(file, module(name), config);
        }
        throw new QuernException("tensor " + name + " is missing from the checkpoint");
    }

    @Override
    public float[] vector(String name) {
        if (!file.names().contains(name)) {
            throw new QuernException("tensor " + name + " is missing from the checkpoint");
        }
        Tensor tensor = file.tensor(name);
        return tensor.toFloats();
    }

    private boolean packed(String name) {
        return name.endsWith(WEIGHT) && file.names().contains(module(name) + ".qweight");
    }

    private boolean vectors(String name) {
        return name.endsWith(WEIGHT) && VptqLayout.has(file, module(name));
    }

    private static String module(String name) {
        return name.substring(0, name.length() - WEIGHT.length());
    }
}
