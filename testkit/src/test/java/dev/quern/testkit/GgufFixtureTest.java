package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.quern.models.Checkpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/// GGUF files that llama.cpp wrote, of every type it writes, give the peer's logits in both executors.
class GgufFixtureTest {
    @TestFactory
    Stream<DynamicTest> logitsAreThoseOfThePeer() throws IOException {
        Path folder = PeerLogits.fixture("gguf");
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
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            PeerLogits.agree(checkpoint, file.resolveSibling(kind + ".logits.npy"));
        }
    }
}
