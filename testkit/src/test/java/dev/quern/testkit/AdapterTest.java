package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.quern.core.DType;
import dev.quern.formats.Json;
import dev.quern.formats.Safetensors;
import dev.quern.formats.SafetensorsFile;
import dev.quern.models.Checkpoint;
import dev.quern.models.Linear;
import dev.quern.models.LoraAdapter;
import dev.quern.models.LowRank;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// LoRA adapters that PEFT wrote: applied at run time, merged by `convert`, refused where they do not fit.
class AdapterTest {
    @TempDir
    Path directory;

    @Test
    void anAdapterOnItsBaseGivesThePeersLogits() throws IOException {
        Path adapter = PeerLogits.fixture("peft-lora-r8");
        try (Checkpoint checkpoint = Checkpoint.open(PeerLogits.fixture("tiny-fp32"), Optional.of(adapter))) {
            PeerLogits.agree(checkpoint, adapter.resolve("logits.npy"));
        }
    }

    @Test
    void mergedWeightsAreThePeers() throws IOException {
        Path adapter = PeerLogits.fixture("peft-lora-r8");
        Path merged = directory.resolve("merged");
        assertThat(CommandRun.quern("convert", PeerLogits.fixture("tiny-fp32"), "--adapter", adapter, "-o", merged)
                        .exitCode())
                .isZero();
        Path expected = directory.resolve("expected.safetensors");
        try (InputStream in = new GZIPInputStream(Files.newInputStream(adapter.resolve("dequant.safetensors.gz")))) {
            Files.copy(in, expected);
        }
        try (SafetensorsFile peer = Safetensors.open(expected);
                SafetensorsFile ours = Safetensors.open(merged)) {
            assertThat(peer.names()).hasSizeGreaterThan(2);
            for (String name : peer.names()) {
                // one rounding of B·A and one of the sum, in the peer's order of float32 operations
                assertThat(ours.tensor(name).toFloats())
                        .as(name)
                        .containsExactly(peer.tensor(name).toFloats(), org.assertj.core.api.Assertions.within(1e-6f));
            }
        }
        try (Checkpoint checkpoint = Checkpoint.open(merged)) {
            PeerLogits.agree(checkpoint, adapter.resolve("logits.npy"));
        }
    }

    @Test
    void theAdapterIsWrittenAgainToTheByte() throws IOException {
        Path adapter = PeerLogits.fixture("peft-lora-r8");
        Path out = directory.resolve("again");
        var json = CommandRun.quern(
                        "convert",
                        PeerLogits.fixture("tiny-fp32"),
                        "--adapter",
                        adapter,
                        "-o",
                        out,
                        "--to",
                        "peft",
                        "--json")
                .json();
        assertThat(json.path("lossless").asBoolean()).isTrue();
        assertThat(Json.read(out.resolve("adapter_config.json")))
                .isEqualTo(Json.read(adapter.resolve("adapter_config.json")));
        try (SafetensorsFile ours = Safetensors.open(out.resolve("adapter_model.safetensors"));
                SafetensorsFile peer = Safetensors.open(adapter.resolve("adapter_model.safetensors"))) {
            assertThat(ours.names()).containsExactlyInAnyOrderElementsOf(peer.names());
            for (String name : peer.names()) {
                assertThat(ours.tensor(name).shape())
                        .isEqualTo(peer.tensor(name).shape());
                assertThat(ours.tensor(name).data().mismatch(peer.tensor(name).data()))
                        .as(name)
                        .isEqualTo(-1);
            }
        }
    }

    @Test
    void correctionsBecomeAnAdapterThatComputesTheSame() {
        Path model = TinyModels.write(TinyModels.named("llama"), directory.resolve("model"));
        Path out = directory.resolve("adapter");
        Map<Linear, LowRank> corrections = new HashMap<>();
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            for (Linear linear : checkpoint.network().linears()) {
                if (linear.name().endsWith("q_proj") || linear.name().equals("model.layers.1.mlp.up_proj")) {
                    corrections.put(linear, correction(linear, 3));
                }
            }
            LoraAdapter.of("model", checkpoint.network(), corrections).write(out, DType.F32);
        }
        JsonNode targets = Json.read(out.resolve("adapter_config.json")).path("target_modules");
        assertThat(targets).extracting(JsonNode::asText).containsExactly("model.layers.1.mlp.up_proj", "q_proj");
        try (Checkpoint checkpoint = Checkpoint.open(model, Optional.of(out))) {
            for (Linear linear : checkpoint.network().linears()) {
                Optional<LowRank> found = checkpoint.weights().correction(linear);
                LowRank wanted = corrections.get(linear);
                assertThat(found.isPresent()).isEqualTo(wanted != null);
                if (wanted != null) {
                    assertThat(found.orElseThrow().a()).containsExactly(wanted.a());
                    assertThat(found.orElseThrow().b()).containsExactly(wanted.b());
                }
            }
        }
    }

    private static LowRank correction(Linear linear, int rank) {
        Random random = new Random(linear.name().hashCode());
        float[] a = new float[rank * linear.inFeatures()];
        float[] b = new float[linear.outFeatures() * rank];
        for (float[] values : new float[][] {a, b}) {
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) random.nextGaussian();
            }
        }
        return new LowRank(rank, linear.inFeatures(), linear.outFeatures(), a, b);
    }

    @Test
    void anAdapterWithoutItsBaseSaysWhatToDo() {
        CommandRun.quern("inspect", PeerLogits.fixture("peft-lora-r8"))
                .failsWith(1, "is an adapter, no model", "--adapter");
    }

    @ParameterizedTest
    @CsvSource({
        "'\"use_dora\": false', '\"use_dora\": true', use_dora true",
        "'\"peft_type\": \"LORA\"', '\"peft_type\": \"LOHA\"', peft_type \"LOHA\"",
        "'\"r\": 8', '\"r\": 4', 'is F32 [8, 256], expected [4, 256]'",
        "'\"r\": 8', '\"r\": 0', r is 0",
        "'\"bias\": \"none\"', '\"bias\": \"all\"', bias \"all\""
    })
    void anAdapterOfAnotherKindIsRefused(String found, String replaced, String says) throws IOException {
        Path adapter = PeerLogits.fixture("peft-lora-r8");
        Path folder = Files.createDirectory(directory.resolve("adapter"));
        Files.copy(adapter.resolve("adapter_model.safetensors"), folder.resolve("adapter_model.safetensors"));
        String config = Files.readString(adapter.resolve("adapter_config.json"));
        assertThat(config).contains(found);
        Files.writeString(folder.resolve("adapter_config.json"), config.replace(found, replaced));
        assertThatThrownBy(() -> Checkpoint.open(PeerLogits.fixture("tiny-fp32"), Optional.of(folder)))
                .hasMessageContaining(says);
    }

    @Test
    void anAdapterOfAnotherModelIsRefused() {
        Path model = TinyModels.write(TinyModels.named("llama"), directory.resolve("model"));
        CommandRun.quern("generate", model, "--adapter", PeerLogits.fixture("peft-lora-r8"), "-p", "x")
                .failsWith(1, "made for another model");
    }
}
