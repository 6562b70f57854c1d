package dev.quern.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.DType;
import dev.quern.core.GroupedWeight;
import dev.quern.core.QuernException;
import dev.quern.core.Tensor;
import dev.quern.core.TensorSource;
import dev.quern.core.UnsupportedModelException;
import dev.quern.formats.GptqConfig.Zeros;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class GptqLayoutTest {
    private static final int[] BITS = {2, 3, 4, 8};
    private static final int ROWS = 32;
    private static final int COLS = 96;

    /// Tensors in memory.
    private record Held(Map<String, Tensor> tensors) implements TensorSource {
        @Override
        public Set<String> names() {
            return tensors.keySet();
        }

        @Override
        public Tensor tensor(String name) {
            Tensor tensor = tensors.get(name);
            if (tensor == null) {
                throw new IllegalArgumentException("no tensor " + name);
            }
            return tensor;
        }
    }

    @Property(tries = 200)
    void whatIsWrittenReadsBackAsTheSameWeight(
            @ForAll @IntRange(min = 0, max = 3) int kind,
            @ForAll Zeros zeros,
            @ForAll @IntRange(min = 0, max = 3) int grouping,
            @ForAll boolean actOrder,
            @ForAll long seed) {
        int groupSize = new int[] {16, 32, 40, COLS}[grouping];
        GptqConfig config = new GptqConfig(BITS[kind], groupSize == COLS ? 0 : groupSize, false, actOrder, zeros);
        GroupedWeight weight = weight(BITS[kind], groupSize, zeros == Zeros.V1 ? 1 : 0, seed);
        if (actOrder) {
            weight = weight.withGroupIndex(
                    new Random(seed).ints(COLS, 0, weight.groups()).toArray());
        }
        GroupedWeight read = GptqLayout.read(held(GptqLayout.plans("m", weight, config)), "m", config);
        assertThat(read.unpack()).isEqualTo(weight.unpack());
        assertThat(read.zeroPoints()).isEqualTo(weight.zeroPoints());
        assertThat(read.bits()).isEqualTo(BITS[kind]);
        assertThat(read.groupSize()).isEqualTo(groupSize);
    }

    @Property(tries = 50)
    void aSymmetricCheckpointTellsItsZerosByValue(
            @ForAll @IntRange(min = 0, max = 3) int kind, @ForAll Zeros claimed, @ForAll Zeros stored) {
        int bits = BITS[kind];
        GroupedWeight weight = weight(bits, 32, 0, 1);
        java.util.Arrays.fill(weight.zeroPoints(), (short) (1 << (bits - 1)));
        GptqConfig config = new GptqConfig(bits, 32, true, false, stored);
        TensorSource source = held(GptqLayout.plans("m", weight, config));
        assertThat(GptqLayout.resolve(source, config.with(claimed))).isEqualTo(config);
        assertThat(GptqLayout.read(source, "m", config.with(claimed)).unpack()).isEqualTo(weight.unpack());
    }

    @Test
    void anAsymmetricCheckpointIsBelievedByItsName() {
        GroupedWeight weight = weight(4, 32, 1, 1);
        java.util.Arrays.fill(weight.zeroPoints(), (short) 8);
        GptqConfig config = new GptqConfig(4, 32, false, false, Zeros.V1);
        TensorSource source = held(GptqLayout.plans("m", weight, config.with(Zeros.V2)));
        assertThat(GptqLayout.resolve(source, config).zeros()).isEqualTo(Zeros.V1);
    }

    @Test
    void aZeroPointThatDoesNotFitIsRefusedWithTheWayOut() {
        GroupedWeight weight = weight(4, 32, 1, 1);
        weight.zeroPoints()[5] = 0;
        GptqConfig config = new GptqConfig(4, 32, false, false, Zeros.V1);
        assertThatThrownBy(() -> GptqLayout.plans("m", weight, config))
                .isInstanceOf(QuernException.class)
                .hasMessageContainingAll("m: ", "gptq_v2");
    }

    @Test
    void tensorsThatContradictEachOtherAreRefusedByModule() {
        GptqConfig config = new GptqConfig(4, 32, false, false, Zeros.V2);
        GroupedWeight weight = weight(4, 32, 0, 1);
        for (String part : List.of("qweight", "qzeros", "scales", "g_idx")) {
            Map<String, Tensor> tensors = tensors(GptqLayout.plans("m", weight, config));
            tensors.put("m." + part, Tensor.of(new int[6], 2, 3));
            assertThatThrownBy(() -> GptqLayout.read(new Held(tensors), "m", config))
                    .as(part)
                    .isInstanceOf(QuernException.class)
                    .hasMessageStartingWith("m: ");
            if (!part.equals("g_idx")) {
                tensors.remove("m." + part);
                assertThatThrownBy(() -> GptqLayout.read(new Held(tensors), "m", config))
                        .isInstanceOf(QuernException.class)
                        .hasMessageContaining("missing");
            }
        }
    }

    @Test
    void aGroupIndexOutOfRangeIsRefused() {
        GptqConfig config = new GptqConfig(4, 32, false, false, Zeros.V2);
        for (int bad : new int[] {-1, 3, Integer.MAX_VALUE}) {
            Map<String, Tensor> tensors = tensors(GptqLayout.plans("m", weight(4, 32, 0, 1), config));
            int[] index = new int[COLS];
            index[50] = bad;
            tensors.put("m.g_idx", Tensor.of(index, COLS));
            assertThatThrownBy(() -> GptqLayout.read(new Held(tensors), "m", config))
                    .isInstanceOf(QuernException.class)
                    .hasMessageContainingAll("input 50", "of 3");
        }
    }

    @Test
    void bitsOfOneModuleFollowFromItsTensors() {
        GroupedWeight eight = weight(8, 32, 0, 1);
        GptqConfig config = new GptqConfig(8, 32, false, false, Zeros.V2);
        TensorSource source = held(GptqLayout.plans("m", eight, config));
        GptqConfig global = new GptqConfig(4, 32, false, false, Zeros.V2);
        assertThat(GptqLayout.read(source, "m", global).unpack()).isEqualTo(eight.unpack());
    }

    @Test
    void theConfigComesBackFromItsJson() {
        for (Zeros zeros : Zeros.values()) {
            GptqConfig config = new GptqConfig(3, 0, false, true, zeros, true, Map.of(), List.of("a.b.c"));
            assertThat(GptqConfig.parse(config.toJson())).isEqualTo(config);
            assertThat(GptqConfig.find(config.toJson())).contains(config);
        }
        ObjectNode other = Json.object().put("quant_method", "awq").put("bits", 4);
        assertThat(GptqConfig.find(other)).isEmpty();
    }

    @Test
    void aConfigThatQuernCannotReadSaysWhat() {
        ObjectNode json = new GptqConfig(4, 32, true, false, Zeros.V1).toJson();
        refused(json.deepCopy().put("bits", 5), "bits 5");
        refused(json.deepCopy().put("bits", "four"), "whole numbers");
        refused(json.deepCopy().put("group_size", -2), "group_size -2");
        refused(json.deepCopy().put("checkpoint_format", "marlin"), "marlin");
        refused(json.deepCopy().put("pack_dtype", "int64"), "int64");
    }

    private static void refused(ObjectNode json, String word) {
        assertThatThrownBy(() -> GptqConfig.parse(json))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContaining(word);
    }

    private static TensorSource held(List<TensorPlan> plans) {
        return new Held(tensors(plans));
    }

    private static Map<String, Tensor> tensors(List<TensorPlan> plans) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        plans.forEach(p -> tensors.put(p.name(), p.data().get()));
        return tensors;
    }

    private static GroupedWeight weight(int bits, int groupSize, int leastZero, long seed) {
        Random random = new Random(seed);
        byte[] codes = new byte[ROWS * COLS];
        random.nextBytes(codes);
        for (int i = 0; i < codes.length; i++) {
            codes[i] &= (byte) ((1 << bits) - 1);
        }
        int groups = Math.ceilDiv(COLS, groupSize);
        float[] scales = new float[groups * ROWS];
        short[] zeroPoints = new short[groups * ROWS];
        for (int i = 0; i < scales.length; i++) {
            scales[i] = random.nextFloat() + 0.1f;
            zeroPoints[i] = (short) (leastZero + random.nextInt((1 << bits) - leastZero));
        }
        return GroupedWeight.pack(
                ROWS, COLS, bits, groupSize, codes, Tensor.of(DType.F16, scales, groups, ROWS), zeroPoints);
    }
}
