package dev.quern.models;

import dev.quern.core.BlockWeight;
import dev.quern.core.DenseWeight;
import dev.quern.core.GroupedWeight;
import dev.quern.core.Int8Weight;
import dev.quern.core.OutlierInt8Weight;
import dev.quern.core.PackedWeight;
import dev.quern.core.QuernException;
import dev.quern.core.TableWeight;
import dev.quern.core.Tensor;
import dev.quern.core.VectorWeight;
import dev.quern.formats.GgufFile;
import java.lang.foreign.MemorySegment;

/// Weights of a GGUF file under Hugging Face names, with llama.cpp's conventions undone: the order of q and k rows and
/// the offset of norms.
final class GgufWeights implements WeightSource {
    private final GgufFile file;
    private final Architecture architecture;
    private final ModelConfig config;
    private final GgufNames names;

    GgufWeights(GgufFile file, Architecture architecture, ModelConfig config) {
        this.file = file;
        this.architecture = architecture;
        this.config = config;
        this.names = new GgufNames(architecture);
    }

    @Override
    public boolean has(String name) {
        return names.of(name).filter(file::has).isPresent();
    }

    @Override
    public PackedWeight weight(String name) {
        PackedWeight stored = file.weight(stored(name));
        int heads = permutedHeads(name);
        if (heads == 0) {
            return stored;
        }
        PackedWeight ordered = rowsOfHalves(stored, heads);
        stored.unload();
        return ordered;
    }

    @Override
    public float[] vector(String name) {
        float[] values = file.dense(stored(name)).toFloats();
        int heads = permutedHeads(name);
        if (heads > 0 && name.endsWith(".bias")) {
            float[] ordered = new float[values.length];
            for (int row = 0; row < values.length; row++) {
                ordered[row] = values[interleaved(row, values.length / heads)];
            }
            return ordered;
        }
        if (name.endsWith("norm.weight")) {
            for (int i = 0; i < values.length; i++) {
                values[i] -= architecture.ggufNormOffset();
            }
        }
        return values;
    }

    private String stored(String name) {
        return names.of(name)
                .filter(file::has)
                .orElseThrow(() -> new QuernException(file.path() + ": no tensor for " + name));
    }

    private int permutedHeads(String name) {
        if (!architecture.ggufPermutesQk()) {
            return 0;
        }
        return name.contains(".q_proj.") ? config.nHeads() : name.contains(".k_proj.") ? config.nKvHeads() : 0;
    }

    /// Row of a GGUF file that holds row `row` of the Hugging Face order: within a head, pair j lies at 2j and 2j + 1
    /// there, at j and j + headDim/2 here.
    static int interleaved(int row, int headDim) {
        int within = row % headDim;
        int half = headDim / 2;
        return row - within + 2 * (within % half) + within / half;
    }

    /// A copy of `stored` with the rows of each head in halves.
    private static PackedWeight rowsOfHalves(PackedWeight stored, int heads) {
        int headDim = stored.rows() / heads;
        return switch (stored) {
            case BlockWeight w -> new BlockWeight(w.type(), w.rows(), w.cols(), reordered(w.data(), w.rows(), headDim));
            case DenseWeight w ->
                new DenseWeight(new Tensor(
                        w.tensor().dtype(),
                        w.tensor().shape(),
                        reordered(w.tensor().data(), w.rows(), headDim)));
            case GroupedWeight _, Int8Weight _, OutlierInt8Weight _, TableWeight _, VectorWeight _ ->
                throw new IllegalStateException("GGUF holds no " + stored.encoding());
        };
    }

    private static MemorySegment reordered(MemorySegment data, int rows, int headDim) {
        long rowBytes = data.byteSize() / rows;
        MemorySegment ordered = MemorySegment.ofArray(new byte[Math.toIntExact(data.byteSize())]);
        for (int row = 0; row < rows; row++) {
            MemorySegment.copy(data, interleaved(row, headDim) * rowBytes, ordered, row * rowBytes, rowBytes);
        }
        return ordered;
    }
}
