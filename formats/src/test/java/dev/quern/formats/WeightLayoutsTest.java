package dev.quern.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.ActivationScheme;
import dev.quern.core.DType;
import dev.quern.core.GroupedWeight;
import dev.quern.core.Int8Weight;
import dev.quern.core.OutlierInt8Weight;
import dev.quern.core.PackedWeight;
import dev.quern.core.QuantParams;
import dev.quern.core.QuernException;
import dev.quern.core.Shape;
import dev.quern.core.TableWeight;
import dev.quern.core.Tensor;
import dev.quern.core.TensorSource;
import dev.quern.core.UnsupportedModelException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/// What a layout writes it reads back, and tensors that contradict each other give one line that names the module.
class WeightLayoutsTest {
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

    static Stream<Arguments> written() {
        ActivationScheme fixed = ActivationScheme.fixed(8, false);
        return Stream.of(
                Arguments.of(new AwqLayout(32), grouped(32)),
                Arguments.of(new AwqLayout(0), grouped(COLS)),
                Arguments.of(Int8Layout.of(ActivationScheme.dynamic(8, true), List.of("lm_head")), int8()),
                Arguments.of(Int8Layout.of(fixed, List.of()), int8()),
                Arguments.of(new TableLayout("nf4", false), table(false)),
                Arguments.of(new TableLayout("nf4", true), table(true)),
                Arguments.of(new OutlierLayout(6), outliers(3)),
                Arguments.of(new OutlierLayout(6), outliers(0)));
    }

    @ParameterizedTest
    @MethodSource("written")
    void whatIsWrittenReadsBackAsTheSameWeight(WeightLayout layout, PackedWeight weight) {
        TensorSource source = held(layout.plans("m", weight));
        WeightLayout known = WeightLayouts.find(layout.toJson()).orElseThrow();
        assertThat(known).isEqualTo(layout);
        assertThat(known.holds(source, "m")).isTrue();
        assertThat(known.holds(source, "other")).isFalse();
        float[] wanted = weight.unpack();
        float[] found = known.read(source, "m").unpack();
        for (int i = 0; i < wanted.length; i++) {
            // scales that are stored times 127 come back rounded
            double tolerance = layout instanceof OutlierLayout ? 3e-7 * Math.abs(wanted[i]) : 0;
            assertThat(Math.abs((double) found[i] - wanted[i])).isLessThanOrEqualTo(tolerance);
        }
    }

    @ParameterizedTest
    @MethodSource("written")
    void tensorsThatContradictEachOtherAreRefusedByModule(WeightLayout layout, PackedWeight weight) {
        for (TensorPlan plan : layout.plans("m", weight)) {
            for (Tensor bad : List.of(
                    Tensor.of(new int[6], 2, 3),
                    Tensor.of(new float[6], 2, 3),
                    Tensor.of(new float[0], 0, 0),
                    Tensor.of(new byte[1], 1),
                    Tensor.of(new byte[ROWS * COLS], COLS, ROWS))) {
                Map<String, Tensor> tensors = tensors(layout.plans("m", weight));
                tensors.put(plan.name(), bad);
                assertThatThrownBy(() -> readAll(layout, new Held(tensors)))
                        .as("%s as %s %s", plan.name(), bad.dtype(), bad.shape())
                        .isInstanceOf(QuernException.class)
                        .hasMessageStartingWith("m: ");
            }
            Map<String, Tensor> fewer = tensors(layout.plans("m", weight));
            fewer.remove(plan.name());
            if (!plan.name().endsWith("outlier_columns")) {
                assertThatThrownBy(() -> layout.read(new Held(fewer), "m"))
                        .isInstanceOf(QuernException.class)
                        .hasMessageContaining("missing");
            }
        }
    }

    private static void readAll(WeightLayout layout, TensorSource source) {
        layout.read(source, "m");
        layout.input(source, "m");
    }

    @Test
    void outlierColumnsOutOfOrderAreRefused() {
        OutlierLayout layout = new OutlierLayout(6);
        for (int[] bad : new int[][] {{-1, 2, 3}, {1, 1, 2}, {1, 2, COLS}, {5, 2, 9}}) {
            Map<String, Tensor> tensors = tensors(layout.plans("m", outliers(3)));
            tensors.put("m.outlier_columns", Tensor.of(bad, 3));
            assertThatThrownBy(() -> layout.read(new Held(tensors), "m")).hasMessageStartingWith("m: outlier_columns");
            assertThatThrownBy(() -> layout.input(new Held(tensors), "m")).hasMessageStartingWith("m: outlier_columns");
        }
    }

    @Test
    void aStaticRangeComesBackAndABadOneIsRefused() {
        for (boolean symmetric : new boolean[] {true, false}) {
            ActivationScheme scheme = ActivationScheme.fixed(8, symmetric);
            Int8Layout layout = Int8Layout.of(scheme, List.of());
            QuantParams range = new QuantParams(0.02f, symmetric ? 128 : 7);
            StoredInput stored = new StoredInput(scheme, range, new int[0]);
            Map<String, Tensor> tensors = tensors(layout.inputPlans("m", stored).orElseThrow());
            assertThat(layout.input(new Held(tensors), "m").range()).isEqualTo(range);
            for (float bad : new float[] {0, -1, Float.NaN, Float.POSITIVE_INFINITY}) {
                tensors.put("m.input_scale", Tensor.of(new float[] {bad}, 1));
                assertThatThrownBy(() -> layout.input(new Held(tensors), "m"))
                        .isInstanceOf(QuernException.class)
                        .hasMessageContaining("input_scale");
            }
            tensors.put("m.input_scale", Tensor.of(new float[] {1}, 1));
            tensors.put("m.input_zero_point", Tensor.of(new int[] {400}, 1));
            assertThatThrownBy(() -> layout.input(new Held(tensors), "m")).hasMessageContaining("input_zero_point");
        }
    }

    @Test
    void aSchemeThatALayoutCannotSayIsNotWritten() {
        StoredInput six = new StoredInput(ActivationScheme.dynamic(6, true), null, new int[0]);
        Int8Layout rows = Int8Layout.of(ActivationScheme.dynamic(8, true), List.of());
        assertThat(rows.inputPlans("m", six)).isEmpty();
        assertThat(new AwqLayout(32).inputPlans("m", six)).isEmpty();
        assertThat(new AwqLayout(32).inputPlans("m", StoredInput.FLOAT)).isPresent();
    }

    @Test
    void aWeightThatDoesNotFitIsRefusedByItsEncoding() {
        for (WeightLayout layout :
                List.of(new AwqLayout(32), Int8Layout.of(ActivationScheme.FLOAT, List.of()), new OutlierLayout(6))) {
            PackedWeight other = layout instanceof AwqLayout ? int8() : grouped(32);
            assertThatThrownBy(() -> layout.plans("m", other))
                    .isInstanceOf(QuernException.class)
                    .hasMessageContaining(other.encoding());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "'blocksize\": 64', 'blocksize\": 0', blocksize",
        "'blocksize\": 64', 'blocksize\": 1e9', blocksize",
        "'[32, 96]', '[32, 95]', weight is",
        "'[32, 96]', '[96]', shape",
        "'[32, 96]', '[2000000000, 2000000000]', shape",
        "'nested_offset\": 0.25', 'nested_offset\": \"x\"', nested_offset",
        "'{', '[', not valid JSON"
    })
    void aStateThatContradictsTheTensorsIsRefused(String found, String bent, String says) {
        TableLayout layout = new TableLayout("nf4", true);
        Map<String, Tensor> tensors = tensors(layout.plans("m", table(true)));
        String name = "m.weight.quant_state.bitsandbytes__nf4";
        Tensor stored = Objects.requireNonNull(tensors.get(name));
        String state = new String(stored.data().toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
        assertThat(state).contains(found);
        byte[] bytes = state.replace(found, bent).getBytes(StandardCharsets.UTF_8);
        tensors.put(name, new Tensor(DType.U8, new Shape(bytes.length), MemorySegment.ofArray(bytes)));
        assertThatThrownBy(() -> layout.read(new Held(tensors), "m"))
                .isInstanceOf(QuernException.class)
                .hasMessageStartingWith("m")
                .hasMessageContaining(says);
    }

    @Test
    void settingsThatQuernLacksAreNamed() {
        ObjectNode awq = new AwqLayout(32).toJson().put("version", "gemv");
        assertUnsupported(awq, "gemv");
        assertUnsupported(new AwqLayout(32).toJson().put("bits", 3), "bits 3");
        ObjectNode bits = Json.object().put("quant_method", "bitsandbytes");
        assertUnsupported(bits, "neither load_in_8bit nor load_in_4bit");
        assertUnsupported(bits.put("load_in_4bit", true).put("bnb_4bit_quant_type", "af4"), "af4");
        Int8Layout rows = Int8Layout.of(ActivationScheme.dynamic(8, true), List.of());
        assertUnsupported(rows.toJson().put("format", "float-quantized"), "float-quantized");
        ObjectNode tensor = rows.toJson();
        group(tensor, "input_activations").put("strategy", "tensor");
        assertUnsupported(tensor, "tensor, dynamic");
        ObjectNode fp8 = rows.toJson();
        group(fp8, "weights").put("type", "float");
        assertUnsupported(fp8, "float");
        ObjectNode two = rows.toJson();
        ((ObjectNode) two.path("config_groups")).putObject("group_1");
        assertUnsupported(two, "2 config_groups");
        ObjectNode kv = rows.toJson();
        kv.putObject("kv_cache_scheme");
        assertUnsupported(kv, "kv_cache_scheme");
        JsonNode other = Json.parse(Path.of("x"), "{\"quant_method\": \"hqq\"}");
        assertThat(WeightLayouts.find(other)).isEmpty();
    }

    private static ObjectNode group(ObjectNode config, String part) {
        return (ObjectNode) config.path("config_groups").path("group_0").path(part);
    }

    private static void assertUnsupported(JsonNode config, String what) {
        assertThatThrownBy(() -> WeightLayouts.find(config))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContaining(what);
    }

    private static GroupedWeight grouped(int groupSize) {
        Random random = new Random(1);
        byte[] codes = new byte[ROWS * COLS];
        for (int i = 0; i < codes.length; i++) {
            codes[i] = (byte) random.nextInt(16);
        }
        int groups = COLS / groupSize;
        float[] scales = new float[groups * ROWS];
        short[] zeros = new short[groups * ROWS];
        for (int i = 0; i < scales.length; i++) {
            scales[i] = 0.1f + random.nextFloat();
            zeros[i] = (short) random.nextInt(16);
        }
        return GroupedWeight.pack(ROWS, COLS, 4, groupSize, codes, Tensor.of(DType.F16, scales, groups, ROWS), zeros);
    }

    private static TableWeight table(boolean nested) {
        Random random = new Random(3);
        byte[] codes = new byte[ROWS * COLS / 2];
        random.nextBytes(codes);
        float[] table = new float[16];
        for (int i = 0; i < table.length; i++) {
            table[i] = random.nextFloat() - 0.5f;
        }
        int blocks = ROWS * COLS / 64;
        return new TableWeight(
                "nf4", ROWS, COLS, bytes(codes), table, 64, nested ? nested(blocks, random) : plain(blocks));
    }

    private static TableWeight.BlockScales plain(int blocks) {
        float[] scales = new float[blocks];
        for (int i = 0; i < blocks; i++) {
            scales[i] = 1 + i;
        }
        return new TableWeight.PlainScales(Tensor.of(scales, blocks));
    }

    private static TableWeight.BlockScales nested(int blocks, Random random) {
        byte[] codes = new byte[blocks];
        random.nextBytes(codes);
        float[] map = new float[256];
        for (int i = 0; i < map.length; i++) {
            map[i] = i / 256f;
        }
        float[] outer = new float[Math.ceilDiv(blocks, 256)];
        Arrays.fill(outer, 2);
        return new TableWeight.NestedScales(bytes(codes), map, outer, 256, 0.25f);
    }

    private static Tensor bytes(byte[] values) {
        return new Tensor(DType.U8, new Shape(values.length), MemorySegment.ofArray(values));
    }

    private static Int8Weight int8() {
        Random random = new Random(2);
        float[] values = new float[ROWS * COLS];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return Int8Weight.nearest(ROWS, COLS, values, DType.F32);
    }

    private static OutlierInt8Weight outliers(int count) {
        int[] columns = new int[count];
        float[] some = new float[ROWS * count];
        for (int i = 0; i < count; i++) {
            columns[i] = 7 * i + 2;
        }
        for (int i = 0; i < some.length; i++) {
            some[i] = i;
        }
        return new OutlierInt8Weight(int8(), columns, Tensor.of(DType.F16, some, ROWS, count));
    }

    private static Map<String, Tensor> tensors(List<TensorPlan> plans) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        plans.forEach(plan -> tensors.put(plan.name(), plan.data().get()));
        return tensors;
    }

    private static TensorSource held(List<TensorPlan> plans) {
        return new Held(tensors(plans));
    }
}
