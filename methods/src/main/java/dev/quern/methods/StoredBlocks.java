package dev.quern.methods;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.Tensor;
import dev.quern.formats.Json;
import dev.quern.formats.Safetensors;
import dev.quern.formats.SafetensorsFile;
import dev.quern.formats.StoredInput;
import dev.quern.formats.StoredTensor;
import dev.quern.formats.WeightLayout;
import dev.quern.models.Block;
import dev.quern.models.Linear;
import dev.quern.models.LinearInput;
import dev.quern.models.QuernConfig;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// Finished blocks as they lie on disk: in the journal's parts, or in the output.
final class StoredBlocks implements AutoCloseable {
    private final SafetensorsFile file;
    private final WeightLayout layout;
    private final ArrayNode inputs;
    private final QuernConfig quern;

    /// `inputsKey` names the metadata that holds a part's entries of `quern.inputs`.
    StoredBlocks(Path fileOrDirectory, WeightLayout layout, String inputsKey) {
        this.file = Safetensors.open(fileOrDirectory);
        this.layout = layout;
        JsonNode entries = Json.parse(fileOrDirectory, file.metadata().getOrDefault(inputsKey, "[]"));
        this.inputs = entries instanceof ArrayNode array ? array : Json.mapper().createArrayNode();
        ObjectNode config = Json.object();
        config.putObject("quern").set("inputs", inputs);
        this.quern = QuernConfig.of(config);
    }

    /// The entries of `quern.inputs` of the blocks in this part.
    ArrayNode inputs() {
        return inputs;
    }

    /// Puts what lies here of `block` into `weights`.
    void restore(Block block, BlockWeights weights) {
        for (Linear linear : block.linears()) {
            if (layout.holds(file, linear.name())) {
                weights.replace(linear, layout.read(file, linear.name()));
                weights.setInput(linear, input(linear));
            }
        }
        EditedTensors.restore(block.linears(), BlockParameters.norms(block), file, weights);
    }

    private LinearInput input(Linear linear) {
        Optional<LinearInput> own = quern.input(file, linear);
        if (own.isPresent()) {
            return own.get();
        }
        StoredInput stored = layout.input(file, linear.name());
        return new LinearInput(List.of(), stored.scheme(), stored.range(), stored.exact());
    }

    /// True where `written` holds every tensor that lies here, bit for bit.
    boolean isPartOf(StoredBlocks written) {
        for (StoredTensor stored : file.stored()) {
            if (!written.file.has(stored.name())) {
                return false;
            }
            Tensor wanted = file.tensor(stored.name());
            Tensor found = written.file.tensor(stored.name());
            boolean same = wanted.dtype() == found.dtype()
                    && wanted.shape().equals(found.shape())
                    && wanted.data().mismatch(found.data()) == -1;
            Mapped.release(found.data());
            if (!same) {
                return false;
            }
        }
        return true;
    }

    @Override
    public void close() {
        file.close();
    }
}
