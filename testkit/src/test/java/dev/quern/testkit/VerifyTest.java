package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `verify` finds what a copy that went wrong, or a bad disk, does to a model.
class VerifyTest {
    @TempDir
    Path directory;

    private Path model;
    private Path small;

    @BeforeEach
    void write() {
        model = TinyModels.write(TinyModels.named("llama"), directory.resolve("model"));
        small = directory.resolve("small");
        assertThat(CommandRun.quern("quantize", model, "-o", small, "--method", "rtn", "--group-size", 32)
                        .exitCode())
                .isZero();
    }

    @Test
    void aModelAsItWasWrittenIsSound() {
        var json = CommandRun.quern("verify", small, "--json").json();
        assertThat(json.path("sound").asBoolean()).isTrue();
        assertThat(json.path("checksums").asInt()).isGreaterThan(2);
        assertThat(json.path("weights").asLong())
                .isEqualTo(CommandRun.quern("inspect", model, "--json")
                        .json()
                        .path("parameters")
                        .asLong());
        assertThat(CommandRun.quern("verify", model).out())
                .contains("no checksums")
                .endsWith("sound\n");
    }

    @Test
    void oneFlippedBitIsFoundByTheChecksum() {
        Path file = small.resolve("model.safetensors");
        byte[] bytes = BrokenFiles.bytes(file);
        bytes[bytes.length - 100] ^= 1;
        BrokenFiles.write(file, bytes);
        CommandRun run = CommandRun.quern("verify", small);
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.out()).contains("model.safetensors: is not the file that was written");
    }

    @Test
    void aFileThatIsGoneIsNamed() throws IOException {
        Files.delete(small.resolve("README.md"));
        assertThat(CommandRun.quern("verify", small).out()).contains("README.md: is listed in quern.json");
    }

    @Test
    void aWeightThatIsNotFiniteIsNamedWithItsPlace() {
        Path file = model.resolve("model.safetensors");
        byte[] bytes = BrokenFiles.bytes(file);
        BrokenFiles.write(file, BrokenFiles.withFloat(bytes, bytes.length - 4, Float.NaN));
        CommandRun run = CommandRun.quern("verify", model);
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.out())
                .contains("lm_head.weight: NaN in row 287, column 63")
                .endsWith("1 problems\n");
    }

    @Test
    void theModelAndItsSourcePredictAlike() {
        var json = CommandRun.quern("verify", small, "--reference", model, "--json")
                .json();
        assertThat(json.path("sound").asBoolean()).isTrue();
        assertThat(json.path("kl").asDouble())
                .isBetween(1e-6, json.path("kl_of_a_guess").asDouble());
        assertThat(json.path("kl_tokens").asInt()).isEqualTo(64);
        assertThat(CommandRun.quern("verify", model, "--reference", model, "--json")
                        .json()
                        .path("kl")
                        .asDouble())
                .isLessThan(1e-9);
        CommandRun strict = CommandRun.quern("verify", small, "--reference", model, "--max-kl", "1e-7");
        assertThat(strict.exitCode()).isEqualTo(1);
        assertThat(strict.out()).contains("more than --max-kl").endsWith("1 problems\n");
        CommandRun.quern("verify", small, "--max-kl", "1").failsWith(2, "--reference");
    }

    @Test
    void aModelOfOtherWeightsIsNoNearerThanAGuess() {
        Path other = TinyModels.write(TinyModels.named("llama"), directory.resolve("other"), 7, 1L << 30);
        CommandRun run = CommandRun.quern("verify", other, "--reference", model);
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.out()).contains("no nearer than a guess").endsWith("1 problems\n");
    }

    @Test
    void quantizeReportsTheDivergenceFromTheSource() {
        Path out = directory.resolve("out");
        var json = CommandRun.quern("quantize", model, "-o", out, "--method", "rtn", "--group-size", 32, "--json")
                .json();
        assertThat(json.path("verified").asBoolean()).isTrue();
        assertThat(json.path("kl").asDouble())
                .isBetween(1e-6, json.path("kl_of_a_guess").asDouble());
    }

    @Test
    void quantizeCallsRubbleByItsName() {
        Path out = directory.resolve("rubble");
        CommandRun rubble = CommandRun.quern(
                "quantize", PeerLogits.fixture("tiny-fp32"), "-o", out, "--method", "rtn", "--bits", 2);
        assertThat(rubble.exitCode()).isEqualTo(1);
        assertThat(rubble.err()).contains("no nearer than a guess", "were written all the same");
        assertThat(rubble.out()).contains("verified", "  no\n", "(a guess: ");
    }
}
