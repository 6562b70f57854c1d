package dev.quern.methods;

import dev.quern.core.GroupedWeight;
import dev.quern.formats.GptqConfig;
import dev.quern.formats.GptqLayout;
import dev.quern.formats.Safetensors;
import dev.quern.formats.SafetensorsFile;
import dev.quern.models.Block;
import dev.quern.models.Linear;
import java.nio.file.Path;

/// Finished blocks as they lie on disk: in the journal's parts, or in the output.
final class StoredBlocks implements AutoCloseable {
    private final SafetensorsFile file;
    private final GptqConfig gptq;

    StoredBlocks(Path fileOrDirectory, GptqConfig gptq) {
        this.file = Safetensors.open(fileOrDirectory);
        this.gptq = gptq;
    }

    /// Puts what lies here of `block` into `weights`.
    void restore(Block block, BlockWeights weights) {
        for (Linear linear : block.linears()) {
            if (file.has(linear.name() + ".qweight")) {
                weights.replace(linear, read(linear));
            }
        }
        EditedTensors.restore(block.linears(), BlockParameters.norms(block), file, weights);
    }

    GroupedWeight read(Linear linear) {
        return GptqLayout.read(file, linear.name(), gptq);
    }

    @Override
    public void close() {
        file.close();
    }
}
