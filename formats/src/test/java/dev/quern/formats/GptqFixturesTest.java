package dev.quern.formats;

import static org.assertj.core.api.Assertions.assertThat;

import dev.quern.core.GroupedWeight;
import dev.quern.core.Tensor;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Checkpoints that GPTQModel wrote: what its own code dequantizes them to, to the bit.
class GptqFixturesTest {
    @TempDir
    private Path temporary;

    @ParameterizedTest
    @ValueSource(
            strings = {
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
    void dequantizesToThePeersValues(String kind) throws Exception {
        Path folder = SharedFolder.require("fixtures/" + kind);
        GptqConfig config = GptqConfig.find(
                        Json.read(folder.resolve("config.json")).get("quantization_config"))
                .orElseThrow();
        int checked = 0;
        try (SafetensorsFile file = Safetensors.open(folder);
                SafetensorsFile wanted = Safetensors.open(unzipped(folder.resolve("dequant.safetensors.gz")))) {
            assertThat(GptqLayout.resolve(file, config)).isEqualTo(config);
            for (String module : GptqLayout.modules(file)) {
                GroupedWeight weight = GptqLayout.read(file, module, config);
                assertThat(weight.groupIndex() != null).isEqualTo(config.descAct());
                if (wanted.has(module + ".weight")) {
                    float[] theirs = wanted.tensor(module + ".weight").toFloats();
                    assertThat(differences(weight.unpack(), theirs)).as(module).isEmpty();
                    checked++;
                }
                assertThat(rewritten(file, module, weight, config)).as(module).isTrue();
            }
        }
        assertThat(checked).isEqualTo(7);
    }

    private static List<String> differences(float[] ours, float[] theirs) {
        assertThat(ours).hasSameSizeAs(theirs);
        return IntStream.range(0, ours.length)
                .filter(i -> ours[i] != theirs[i])
                .mapToObj(i -> i + ": " + ours[i] + " not " + theirs[i])
                .limit(10)
                .toList();
    }

    /// True where writing the module again gives the bytes that were read.
    private static boolean rewritten(SafetensorsFile file, String module, GroupedWeight weight, GptqConfig config) {
        boolean wrapped = config.zeros() == GptqConfig.Zeros.V1 && hasZero(weight);
        GptqConfig.Zeros zeros = wrapped ? GptqConfig.Zeros.V2 : config.zeros();
        List<TensorPlan> plans = GptqLayout.plans(module, weight, config.with(zeros));
        boolean same = plans.size() == 4;
        for (TensorPlan plan : plans) {
            Tensor was = file.tensor(plan.name());
            boolean comparable = !(wrapped && plan.name().endsWith(".qzeros"));
            same &= was.shape().equals(plan.shape())
                    && (!comparable || was.data().mismatch(plan.data().get().data()) == -1);
        }
        return same;
    }

    private static boolean hasZero(GroupedWeight weight) {
        for (short z : weight.zeroPoints()) {
            if (z == 0) {
                return true;
            }
        }
        return false;
    }

    private Path unzipped(Path file) throws Exception {
        Path target = temporary.resolve("dequant.safetensors");
        try (InputStream in = new GZIPInputStream(Files.newInputStream(file))) {
            Files.copy(in, target);
        }
        return target;
    }
}
