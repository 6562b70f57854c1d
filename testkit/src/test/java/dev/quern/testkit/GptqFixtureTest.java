package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.quern.formats.Json;
import dev.quern.kernels.Workers;
import dev.quern.models.Checkpoint;
import dev.quern.runtime.Model;
import dev.quern.runtime.Session;
import dev.quern.torch.TorchModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Checkpoints that GPTQModel wrote give GPTQModel's logits in both executors.
class GptqFixtureTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "tiny-fp32",
                "gptq-w2-asym",
                "gptq-w3-sym",
                "gptq-w4-asym",
                "gptq-w4-asym-descact",
                "gptq-w4-perchannel-asym",
                "gptq-w4-sym",
                "gptq-w4-sym-descact",
                "gptq-w8-sym",
                "gptqv2-w4-asym"
            })
    void logitsAreThoseOfThePeer(String name) throws IOException {
        Optional<Path> folder = Shared.find("fixtures/" + name);
        assumeThat(folder).as("shared fixtures").isPresent();
        float[] expected = Npy.read(folder.orElseThrow().resolve("logits.npy")).values();
        int[] tokens = tokens();
        try (Checkpoint checkpoint = Checkpoint.open(folder.orElseThrow());
                Workers workers = Workers.of(2);
                TorchModel torch = TorchModel.load(checkpoint.network(), checkpoint.weights())) {
            Model java = new Model(checkpoint.network(), checkpoint.weights(), workers);
            assertThat(new Session(java).logits(tokens).data()).as("java").containsExactly(expected, within(1e-3f));
            assertThat(torch.logits(tokens)).as("torch").containsExactly(expected, within(1e-3f));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = "fixtures")
    void noFolderIsForgotten(String folder) throws IOException {
        Optional<Path> fixtures = Shared.find(folder);
        assumeThat(fixtures).as("shared fixtures").isPresent();
        try (Stream<Path> all = Files.list(fixtures.orElseThrow())) {
            List<String> gptq = all.map(p -> p.getFileName().toString())
                    .filter(n -> n.startsWith("gptq"))
                    .toList();
            assertThat(gptq).hasSize(9);
        }
    }

    private static int[] tokens() {
        JsonNode ids =
                Json.read(Shared.find("fixtures/tiny-fp32/input_ids.json").orElseThrow());
        JsonNode first = ids.isArray() ? ids : ids.path("input_ids");
        JsonNode row = first.path(0).isArray() ? first.path(0) : first;
        return IntStream.range(0, row.size()).map(i -> row.path(i).asInt()).toArray();
    }
}
