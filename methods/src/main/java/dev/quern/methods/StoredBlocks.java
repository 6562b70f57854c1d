package dev.quern.methods;

import dev.quern.core.PackedWeight;
import dev.quern.formats.Safetensors;
import dev.quern.formats.SafetensorsFile;
import dev.quern.formats.WeightLayout;
import dev.quern.models.Block;
import dev.quern.models.Linear;
import java.nio.file.Path;

/// Finished blocks as they lie on disk: in the journal's parts, or in the output.
final class StoredBlocks implements AutoCloseable {
    private final SafetensorsFile file;
    private final WeightLayout layout;

    StoredBlocks(Path fileOrDirectory, WeightLayout layout) {
        this.file = Safetensors.open(fileOrDirectory);
        this.layout = layout;
    }

    /// Puts what lies here of `block` into `weights`.
    void restore(Block block, BlockWeights weights) {
        for (Linear linear : block.linears()) {
            if (layout.holds(file, linear.name())) {
                weights.replace(linear, read(linear));
            }
        }
        EditedTensors.restore(block.linears(), BlockParameters.norms(block), file, weights);
    }

    PackedWeight read(Linear linear) {
        return layout.read(file, linear.name());
    }

    @Override
    public void close() {
        file.close();
    }
}
