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
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/// GGUF files that llama.cpp wrote, of every type it writes, give the peer's logits in both executors.
class GgufFixtureTest {
    @TestFactory
    Stream<DynamicTest> logitsAreThoseOfThePeer() throws IOException {
        Path folder = folder();
        List<Path> files;
        try (Stream<Path> all = Files.list(folder)) {
            files = all.filter(p -> p.getFileName().toString().matches("tiny-.*\\.gguf"))
                    .sorted()
                    .toList();
        }
        assertThat(files).hasSizeGreaterThanOrEqualTo(26);
        return files.stream()
                .map(file -> DynamicTest.dynamicTest(file.getFileName().toString(), () -> compare(file)));
    }

    private static void compare(Path file) throws IOException {
        String kind = file.getFileName().toString().replace(".gguf", "");
        float[] expected = Npy.read(file.resolveSibling(kind + ".logits.npy")).values();
        int[] tokens = tokens();
        try (Checkpoint checkpoint = Checkpoint.open(file);
                Workers workers = Workers.of(2);
                TorchModel torch = TorchModel.load(checkpoint.network(), checkpoint.weights())) {
            Model java = new Model(checkpoint.network(), checkpoint.weights(), workers);
            assertThat(new Session(java).logits(tokens).data()).as("java").containsExactly(expected, within(1e-3f));
            assertThat(torch.logits(tokens)).as("torch").containsExactly(expected, within(1e-3f));
        }
    }

    private static Path folder() {
        var folder = Shared.find("fixtures/gguf");
        assumeThat(folder).as("shared fixtures").isPresent();
        return folder.orElseThrow();
    }

    private static int[] tokens() {
        JsonNode ids =
                Json.read(Shared.find("fixtures/tiny-fp32/input_ids.json").orElseThrow());
        JsonNode first = ids.isArray() ? ids : ids.path("input_ids");
        JsonNode row = first.path(0).isArray() ? first.path(0) : first;
        return IntStream.range(0, row.size()).map(i -> row.path(i).asInt()).toArray();
    }
}
