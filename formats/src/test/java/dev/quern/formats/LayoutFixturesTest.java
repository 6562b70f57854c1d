package dev.quern.formats;

import static org.assertj.core.api.Assertions.assertThat;

import dev.quern.core.PackedWeight;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Checkpoints of AutoAWQ, compressed-tensors and bitsandbytes: what the packages' own code dequantizes them to.
class LayoutFixturesTest {
    private static final List<String> MODULES = List.of(
            "self_attn.q_proj",
            "self_attn.k_proj",
            "self_attn.v_proj",
            "self_attn.o_proj",
            "mlp.gate_proj",
            "mlp.up_proj",
            "mlp.down_proj");

    @TempDir
    private Path temporary;

    @ParameterizedTest
    @CsvSource({
        "ct-int8-w8a8, true, 0",
        "ct-pack-w4-sym, false, 0",
        "ct-pack-w4-asym, false, 0",
        "awq-gemm-w4, true, 0",
        "bnb-nf4, true, 0",
        "bnb-nf4-dq, true, 0",
        "bnb-fp4-dq, true, 0",
        // the peer multiplies before it divides by 127
        "bnb-int8, false, 2e-7"
    })
    void dequantizesToThePeersValuesAndWritesTheSameBytes(String kind, boolean written, double tolerance)
            throws Exception {
        Path folder = SharedFolder.require("fixtures/" + kind);
        WeightLayout layout = WeightLayouts.find(
                        Json.read(folder.resolve("config.json")).get("quantization_config"))
                .orElseThrow();
        try (SafetensorsFile file = Safetensors.open(folder);
                SafetensorsFile wanted = Safetensors.open(unzipped(folder.resolve("dequant.safetensors.gz")))) {
            for (String name : MODULES) {
                String module = "model.layers.0." + name;
                assertThat(layout.holds(file, module)).isTrue();
                PackedWeight weight = layout.read(file, module);
                float[] theirs = wanted.tensor(module + ".weight").toFloats();
                float[] ours = weight.unpack();
                assertThat(ours).hasSameSizeAs(theirs);
                for (int i = 0; i < ours.length; i++) {
                    double gap = Math.abs((double) ours[i] - theirs[i]);
                    if (!(gap <= tolerance * Math.abs(theirs[i]))) {
                        assertThat(ours[i]).as("%s, %d", module, i).isEqualTo(theirs[i]);
                    }
                }
                if (written) {
                    for (TensorPlan plan : layout.plans(module, weight)) {
                        assertThat(plan.shape())
                                .isEqualTo(file.tensor(plan.name()).shape());
                        assertThat(plan.data()
                                        .get()
                                        .data()
                                        .mismatch(file.tensor(plan.name()).data()))
                                .as(plan.name())
                                .isEqualTo(-1);
                    }
                }
            }
            assertThat(layout.holds(file, "lm_head")).isFalse();
        }
    }

    private Path unzipped(Path file) throws Exception {
        Path target = temporary.resolve("dequant.safetensors");
        try (InputStream in = new GZIPInputStream(Files.newInputStream(file))) {
            Files.copy(in, target);
        }
        return target;
    }
}
