package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.quern.formats.Json;
import dev.quern.kernels.InputPrecision;
import dev.quern.kernels.Workers;
import dev.quern.models.Checkpoint;
import dev.quern.runtime.Model;
import dev.quern.runtime.Session;
import dev.quern.torch.TorchModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.IntStream;

/// The shared fixtures that peers' own code wrote, and their logits on one fixed input.
final class PeerLogits {
    private PeerLogits() {}

    /// The folder or file `name` of the fixtures; the test is skipped where there are none.
    static Path fixture(String name) {
        Optional<Path> path = Shared.find("fixtures/" + name);
        assumeThat(path).as("shared fixtures").isPresent();
        return path.orElseThrow();
    }

    /// Both executors give the logits in `expected` for `checkpoint`, with activations as floats, as the peer has them.
    static void agree(Checkpoint checkpoint, Path expected) throws IOException {
        float[] logits = Npy.read(expected).values();
        int[] tokens = tokens();
        try (Workers workers = Workers.of(2);
                TorchModel torch = TorchModel.load(checkpoint.network(), checkpoint.weights())) {
            Model java = new Model(checkpoint.network(), checkpoint.weights(), workers, InputPrecision.FLOAT);
            assertThat(new Session(java).logits(tokens).data()).as("java").containsExactly(logits, within(1e-3f));
            assertThat(torch.logits(tokens)).as("torch").containsExactly(logits, within(1e-3f));
        }
    }

    /// The fixed input.
    static int[] tokens() {
        JsonNode ids = Json.read(fixture("tiny-fp32/input_ids.json"));
        JsonNode first = ids.isArray() ? ids : ids.path("input_ids");
        JsonNode row = first.path(0).isArray() ? first.path(0) : first;
        return IntStream.range(0, row.size()).map(i -> row.path(i).asInt()).toArray();
    }
}
