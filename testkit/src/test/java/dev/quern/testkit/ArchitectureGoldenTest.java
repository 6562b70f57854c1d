package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.quern.formats.Json;
import dev.quern.formats.Safetensors;
import dev.quern.formats.SafetensorsFile;
import dev.quern.models.Architecture;
import dev.quern.models.Architectures;
import dev.quern.models.Network;
import dev.quern.torch.TorchModel;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Each family computes what Hugging Face transformers computes with the same weights.
///
/// Goldens and their versions: `goldens/`, made by tools/make_architecture_goldens.py.
class ArchitectureGoldenTest {
    /// Two orders of float32 summation over four layers differ by some 1e-6 here.
    private static final double TOLERANCE = 2e-5;

    static List<TinyModel> models() {
        return TinyModels.ALL;
    }

    @ParameterizedTest
    @MethodSource("models")
    void logitsAreThoseOfTransformers(TinyModel tiny, @TempDir Path directory) throws Exception {
        JsonNode made = versions();
        TinyModels.write(tiny, directory);
        assertThat(sha256(directory.resolve("model.safetensors")))
                .as("tiny weights changed: make the goldens again")
                .isEqualTo(
                        made.path("model_safetensors_sha256").path(tiny.name()).asText());
        int[] tokens = IntStream.range(0, made.path("tokens").size())
                .map(i -> made.path("tokens").path(i).asInt())
                .toArray();
        Npy golden = Npy.resource(ArchitectureGoldenTest.class, "goldens/" + tiny.name() + ".npy");
        Network network = TinyModels.network(tiny);
        try (SafetensorsFile file = Safetensors.open(directory);
                TorchModel model = TorchModel.load(network, new DenseWeights(file))) {
            LogitDifference difference =
                    LogitDifference.between(model.logits(tokens), golden.values(), model.vocabSize());
            assertThat(difference.relative()).as("%s", difference).isLessThan(TOLERANCE);
        }
    }

    @Test
    void everyFamilyHasATinyModel() {
        assertThat(TinyModels.ALL.stream()
                        .map(tiny -> Architectures.ofConfig(tiny.config())
                                .map(Architecture::name)
                                .orElse("none")))
                .containsAll(Architectures.ALL.stream().map(Architecture::name).toList());
    }

    private static JsonNode versions() throws IOException {
        String name = "goldens/versions.json";
        try (InputStream in = ArchitectureGoldenTest.class.getResourceAsStream(name)) {
            String text = new String(Objects.requireNonNull(in, name).readAllBytes(), StandardCharsets.UTF_8);
            return Json.parse(Path.of(name), text);
        }
    }

    private static String sha256(Path file) throws Exception {
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file));
        return HexFormat.of().formatHex(digest);
    }
}
