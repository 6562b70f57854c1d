package dev.quern.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.quern.core.Int8Weight;
import dev.quern.core.PackedWeight;
import dev.quern.core.TableCodes;
import dev.quern.core.TableWeight;
import dev.quern.core.Tensor;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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
    @ValueSource(
            strings = {
                "ct-int8-w8a8",
                "ct-pack-w4-sym",
                "ct-pack-w4-asym",
                "awq-gemm-w4",
                "bnb-nf4",
                "bnb-nf4-dq",
                "bnb-fp4-dq",
                "bnb-int8"
            })
    void dequantizesToThePeersValuesAndWritesTheSameBytes(String kind) throws Exception {
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
                assertThat(firstDifference(weight.unpack(), theirs)).as(module).isEmpty();
                assertSameBytes(file, module, layout.plans(module, weight));
            }
            assertThat(layout.holds(file, "lm_head")).isFalse();
        }
    }

    /// Every tensor of the module, and none besides.
    private static void assertSameBytes(SafetensorsFile file, String module, List<TensorPlan> plans) {
        List<String> stored = file.names().stream()
                .filter(name -> name.startsWith(module + "."))
                .toList();
        assertThat(plans).extracting(TensorPlan::name).containsExactlyInAnyOrderElementsOf(stored);
        for (TensorPlan plan : plans) {
            Tensor theirs = file.tensor(plan.name());
            assertThat(plan.dtype()).as(plan.name()).isEqualTo(theirs.dtype());
            assertThat(plan.shape()).as(plan.name()).isEqualTo(theirs.shape());
            assertThat(plan.data().get().data().mismatch(theirs.data()))
                    .as(plan.name())
                    .isEqualTo(-1);
        }
    }

    /// From the same float weights Quern chooses bitsandbytes' codes and scales. With double quantization a scale of
    /// some
    /// hundreds lies between two codes, and bitsandbytes' own search by a table does not take the nearer one there.
    @ParameterizedTest
    @ValueSource(strings = {"bnb-nf4", "bnb-nf4-dq", "bnb-fp4-dq", "bnb-int8"})
    void chosenCodesAreBitsandbytesOwn(String kind) throws Exception {
        Path floats = SharedFolder.require("fixtures/tiny-fp32");
        Path folder = SharedFolder.require("fixtures/" + kind);
        WeightLayout layout = WeightLayouts.find(
                        Json.read(folder.resolve("config.json")).get("quantization_config"))
                .orElseThrow();
        try (SafetensorsFile source = Safetensors.open(floats);
                SafetensorsFile file = Safetensors.open(folder)) {
            for (String name : MODULES) {
                String module = "model.layers.0." + name;
                Tensor weight = source.tensor(module + ".weight");
                int rows = weight.shape().dim(0);
                int cols = weight.shape().dim(1);
                switch (layout.read(file, module)) {
                    case Int8Weight wanted -> {
                        Int8Weight found = Int8Weight.nearestLargest(rows, cols, weight.toFloats());
                        assertThat(found.codes().data().mismatch(wanted.codes().data()))
                                .isEqualTo(-1);
                        assertThat(found.scales().toFloats())
                                .containsExactly(wanted.scales().toFloats());
                    }
                    case TableWeight wanted -> assertSame(nearest(weight, wanted), wanted);
                    default -> throw new AssertionError(kind);
                }
            }
        }
    }

    private static TableWeight nearest(Tensor weight, TableWeight like) {
        TableCodes search =
                new TableCodes(TableCodes.Kind.valueOf(like.kind().toUpperCase(Locale.ROOT)), like.blockSize());
        float[] values = weight.toFloats();
        byte[] codes = new byte[values.length / 2];
        float[] largest = new float[like.scales().count()];
        for (int block = 0; block < largest.length; block++) {
            search.encode(values, block, codes, largest);
        }
        return search.weight(
                like.rows(), like.cols(), codes, largest, like.scales() instanceof TableWeight.NestedScales);
    }

    private static void assertSame(TableWeight found, TableWeight wanted) {
        assertThat(found.codes().data().mismatch(wanted.codes().data())).isEqualTo(-1);
        assertThat(firstDifference(found.table(), wanted.table())).isEmpty();
        if (found.scales() instanceof TableWeight.NestedScales ours
                && wanted.scales() instanceof TableWeight.NestedScales theirs) {
            assertThat(firstDifference(ours.map(), theirs.map())).isEmpty();
            assertThat(ours.offset()).isCloseTo(theirs.offset(), within(1e-6f));
            assertThat(ours.outer()).containsExactly(theirs.outer(), within(1e-6f));
            int moved = 0;
            for (int i = 0; i < ours.count(); i++) {
                float gap = ours.codes().floatAt(i) - theirs.codes().floatAt(i);
                assertThat(gap).isBetween(-3f, 3f);
                moved += gap == 0 ? 0 : 1;
            }
            assertThat(moved).isLessThanOrEqualTo(ours.count() / 100);
        } else {
            for (int i = 0; i < found.scales().count(); i++) {
                assertThat(found.scales().scale(i)).isEqualTo(wanted.scales().scale(i));
            }
        }
    }

    private static String firstDifference(float[] ours, float[] theirs) {
        for (int i = 0; i < Math.max(ours.length, theirs.length); i++) {
            if (ours.length != theirs.length || ours[i] != theirs[i]) {
                return i + ": " + ours[i] + " not " + theirs[i];
            }
        }
        return "";
    }

    private Path unzipped(Path file) throws Exception {
        Path target = temporary.resolve("dequant.safetensors");
        try (InputStream in = new GZIPInputStream(Files.newInputStream(file))) {
            Files.copy(in, target);
        }
        return target;
    }
}
