package dev.quern.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.ActivationScheme;
import dev.quern.core.DType;
import dev.quern.core.PackedWeight;
import dev.quern.core.QuantParams;
import dev.quern.core.QuernException;
import dev.quern.core.Shape;
import dev.quern.core.Tensor;
import dev.quern.core.TensorSource;
import dev.quern.core.UnsupportedModelException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/// What a layout writes it reads back, and tensors that contradict each other give one line that names the module.
class WeightLayoutsTest {
    /// What a reader can do without.
    private static final Pattern OPTIONAL = Pattern.compile(".*(outlier_columns|weight_format|g_idx|\\.perm)");

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

    static List<LayoutSamples.Sample> written() {
        return LayoutSamples.ALL;
    }

    @Test
    void everyLayoutOfTheRegistryHasASample() {
        for (Function<JsonNode, Optional<? extends WeightLayout>> layout : WeightLayouts.ALL) {
            assertThat(LayoutSamples.ALL).anyMatch(sample -> finds(layout, sample));
        }
    }

    private static boolean finds(
            Function<JsonNode, Optional<? extends WeightLayout>> layout, LayoutSamples.Sample sample) {
        try {
            return layout.apply(sample.layout().toJson()).isPresent();
        } catch (UnsupportedModelException e) {
            // a neighbour with the same quant_method, asked out of its turn
            return false;
        }
    }

    @ParameterizedTest
    @MethodSource("written")
    void whatIsWrittenReadsBackAsTheSameWeightAndIsWrittenAgainToTheByte(LayoutSamples.Sample sample) {
        PackedWeight weight = sample.weight();
        Held source = held(sample.layout().plans("m", weight));
        WeightLayout known =
                WeightLayouts.find(sample.layout().toJson()).orElseThrow().resolve(source);
        assertThat(known).isEqualTo(sample.layout());
        assertThat(known.holds(source, "m")).isTrue();
        assertThat(known.holds(source, "other")).isFalse();
        PackedWeight read = known.read(source, "m");
        assertThat(read.unpack()).containsExactly(weight.unpack());
        assertThat(read.encoding()).isEqualTo(weight.encoding());
        Map<String, Tensor> again = tensors(known.plans("m", read));
        assertThat(again.keySet()).isEqualTo(source.names());
        again.forEach((name, tensor) -> {
            assertThat(tensor.dtype()).as(name).isEqualTo(source.tensor(name).dtype());
            assertThat(tensor.shape()).as(name).isEqualTo(source.tensor(name).shape());
            assertThat(tensor.data().mismatch(source.tensor(name).data()))
                    .as(name)
                    .isEqualTo(-1);
        });
    }

    @ParameterizedTest
    @MethodSource("written")
    void tensorsThatContradictEachOtherAreRefusedByModule(LayoutSamples.Sample sample) {
        WeightLayout layout = sample.layout();
        PackedWeight weight = sample.weight();
        for (TensorPlan plan : layout.plans("m", weight)) {
            for (Tensor bad : List.of(
                    Tensor.of(new int[10], 2, 5),
                    Tensor.of(new float[6], 2, 3),
                    Tensor.of(new float[0], 0, 0),
                    Tensor.of(new byte[1], 1),
                    Tensor.of(
                            new byte[LayoutSamples.ROWS * LayoutSamples.COLS],
                            LayoutSamples.COLS,
                            LayoutSamples.ROWS))) {
                Map<String, Tensor> tensors = tensors(layout.plans("m", weight));
                tensors.put(plan.name(), bad);
                assertThatThrownBy(() -> readAll(layout, new Held(tensors)))
                        .as("%s as %s %s", plan.name(), bad.dtype(), bad.shape())
                        .isInstanceOf(QuernException.class)
                        .hasMessageStartingWith("m: ");
            }
            Map<String, Tensor> fewer = tensors(layout.plans("m", weight));
            fewer.remove(plan.name());
            if (!OPTIONAL.matcher(plan.name()).matches()) {
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
        OutlierLayout layout = new OutlierLayout(6, List.of());
        for (int[] bad : new int[][] {{-1, 2, 3}, {1, 1, 2}, {1, 2, LayoutSamples.COLS}, {5, 2, 9}}) {
            Map<String, Tensor> tensors = tensors(layout.plans("m", LayoutSamples.outliers(3)));
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
    void modulesOfAnotherSchemeAreAGroupOfTheirOwn() {
        ActivationScheme fixed = ActivationScheme.fixed(8, true);
        ActivationScheme dynamic = ActivationScheme.dynamic(8, true);
        Int8Layout layout = Int8Layout.of(fixed, List.of("lm_head")).except(Map.of("m", dynamic));
        StoredInput perToken = new StoredInput(dynamic, null, new int[0]);
        assertThat(layout.inputPlans("m", perToken)).hasValue(List.of());
        assertThat(layout.inputPlans("n", perToken)).isEmpty();
        Int8Layout read = Int8Layout.find(layout.toJson()).orElseThrow();
        assertThat(read).isEqualTo(layout);
        assertThat(read.input(new Held(Map.of()), "m").scheme()).isEqualTo(dynamic);
        assertThatThrownBy(() -> read.input(new Held(Map.of()), "n")).hasMessageContaining("input_scale");
    }

    @Test
    void aSchemeThatALayoutCannotSayIsNotWritten() {
        StoredInput six = new StoredInput(ActivationScheme.dynamic(6, true), null, new int[0]);
        Int8Layout rows = Int8Layout.of(ActivationScheme.dynamic(8, true), List.of());
        assertThat(rows.inputPlans("m", six)).isEmpty();
        assertThat(new AwqLayout(32, List.of()).inputPlans("m", six)).isEmpty();
        assertThat(new AwqLayout(32, List.of()).inputPlans("m", StoredInput.FLOAT))
                .isPresent();
    }

    @Test
    void aWeightThatDoesNotFitIsRefusedByItsEncoding() {
        for (WeightLayout layout : List.of(
                new AwqLayout(32, List.of()),
                Int8Layout.of(ActivationScheme.FLOAT, List.of()),
                new OutlierLayout(6, List.of()))) {
            PackedWeight other = layout instanceof AwqLayout ? LayoutSamples.int8() : LayoutSamples.grouped(32);
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
        TableLayout layout = new TableLayout("nf4", true, List.of());
        Map<String, Tensor> tensors = tensors(layout.plans("m", LayoutSamples.table("nf4", true)));
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
        ObjectNode awq = new AwqLayout(32, List.of()).toJson().put("version", "gemv");
        assertUnsupported(awq, "gemv");
        assertUnsupported(new AwqLayout(32, List.of()).toJson().put("bits", 3), "bits 3");
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
        ObjectNode second = ((ObjectNode) two.path("config_groups")).putObject("group_1");
        assertUnsupported(two, "targets");
        second.putArray("targets").add("re:.*down_proj");
        assertUnsupported(two, "re:");
        second.putArray("targets").add("model.layers.0.mlp.down_proj");
        assertUnsupported(two, "different weights");
        second.putArray("targets").add("Linear");
        assertUnsupported(two, "2 of them for Linear");
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

    private static Map<String, Tensor> tensors(List<TensorPlan> plans) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        plans.forEach(plan -> tensors.put(plan.name(), plan.data().get()));
        return tensors;
    }

    private static Held held(List<TensorPlan> plans) {
        return new Held(tensors(plans));
    }
}
