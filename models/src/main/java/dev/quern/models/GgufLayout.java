package dev.quern.models;

import dev.quern.core.UnsupportedModelException;
import java.lang.foreign.MemorySegment;

/// How parameters lie in a GGUF file: their names, the order of q and k rows, the offset of norms. `GgufWeights` undoes
/// it.
final class GgufLayout {
    private final Architecture architecture;
    private final ModelConfig model;
    private final GgufNames names;

    GgufLayout(Architecture architecture, ModelConfig model) {
        this.architecture = architecture;
        this.model = model;
        this.names = new GgufNames(architecture);
    }

    /// The name in the file of the parameter that Hugging Face calls `name`.
    String name(String name) {
        return names.of(name)
                .orElseThrow(() -> new UnsupportedModelException(
                        name + ": GGUF has no name for it in architecture " + architecture.ggufName()));
    }

    /// The values of a norm or bias as the file holds them.
    float[] toGguf(String name, float[] values) {
        int heads = permutedHeads(name);
        float offset = offset(name);
        float[] stored = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            int at = heads == 0 ? i : GgufWeights.interleaved(i, values.length / heads);
            stored[at] = values[i] + offset;
        }
        return stored;
    }

    /// True where the values come back exactly: adding an offset in float32 may cost the last bits.
    boolean reversible(String name, float[] values) {
        float offset = offset(name);
        for (float value : values) {
            if (value + offset - offset != value) {
                return false;
            }
        }
        return true;
    }

    /// A matrix's encoded rows as the file holds them; `data` itself where their order is the same, else a copy in
    /// `scratch`.
    MemorySegment toGguf(String name, MemorySegment data, int rows, Scratch scratch) {
        int heads = permutedHeads(name);
        if (heads == 0) {
            return data;
        }
        long rowBytes = data.byteSize() / rows;
        MemorySegment ordered = scratch.take(data.byteSize());
        for (int row = 0; row < rows; row++) {
            long to = GgufWeights.interleaved(row, rows / heads) * rowBytes;
            MemorySegment.copy(data, row * rowBytes, ordered, to, rowBytes);
        }
        return ordered;
    }

    private float offset(String name) {
        return name.endsWith("norm.weight") ? architecture.ggufNormOffset() : 0;
    }

    private int permutedHeads(String name) {
        if (!architecture.ggufPermutesQk()) {
            return 0;
        }
        return name.contains(".q_proj.") ? model.nHeads() : name.contains(".k_proj.") ? model.nKvHeads() : 0;
    }
}
