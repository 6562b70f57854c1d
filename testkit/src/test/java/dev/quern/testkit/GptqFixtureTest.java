package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.quern.models.Checkpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
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
        Path folder = PeerLogits.fixture(name);
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            PeerLogits.agree(checkpoint, folder.resolve("logits.npy"));
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
}
