package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.ActivationScheme;
import dev.quern.core.KvScheme;
import dev.quern.core.QuantParams;
import dev.quern.core.QuernException;
import dev.quern.core.Tensor;
import dev.quern.formats.Json;
import dev.quern.formats.Safetensors;
import dev.quern.formats.SafetensorsFile;
import dev.quern.formats.TensorPlan;
import dev.quern.models.Checkpoint;
import dev.quern.models.InputTransform;
import dev.quern.models.Linear;
import dev.quern.models.LinearInput;
import dev.quern.models.Network;
import dev.quern.models.QuernConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Quern's own object in config.json and the tensors beside the modules.
class QuernConfigTest {
    @TempDir
    Path directory;

    private Path model() {
        return TinyModels.write(TinyModels.named("llama"), directory.resolve("model"));
    }

    /// Adds `quern` with these inputs to a model's config, its tensors beside those that are there.
    private Path write(Map<Linear, LinearInput> inputs, Set<Linear> biases, KvScheme kv, List<TensorPlan> more) {
        Path model = model();
        Path out = directory.resolve("out");
        List<TensorPlan> plans = new ArrayList<>(QuernConfig.plans(inputs));
        plans.addAll(more);
        try (SafetensorsFile file = Safetensors.open(model)) {
            file.names().forEach(name -> plans.add(TensorPlan.of(name, file.tensor(name))));
            Safetensors.writeDirectory(out, plans, 1L << 30, Map.of());
        }
        ObjectNode config = (ObjectNode) Json.read(model.resolve("config.json"));
        config.set("quern", QuernConfig.write(inputs, biases, kv));
        text(out, config);
        return out;
    }

    private static void text(Path out, JsonNode config) {
        try {
            Files.writeString(out.resolve("config.json"), Json.pretty(config));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static Network network() {
        return TinyModels.network(TinyModels.named("llama"));
    }

    private static Map<Linear, LinearInput> inputs() {
        List<Linear> linears = network().linears();
        float[] diagonal = new float[64];
        float[] left = new float[64];
        float[] right = new float[64];
        for (int i = 0; i < 64; i++) {
            diagonal[i] = 1 + i;
            left[i] = i % 9 == 0 ? 2 : 0.1f;
            right[i] = i % 9 == 0 ? -1 : 0.2f;
        }
        LinearInput shared = LinearInput.dynamic(ActivationScheme.dynamic(6, false))
                .withTransforms(List.of(new InputTransform.Diagonal(diagonal), InputTransform.Hadamard.seeded(64, 5)));
        LinearInput fixed = new LinearInput(
                List.of(new InputTransform.Kronecker(8, left, 8, right)),
                ActivationScheme.fixed(4, true),
                new QuantParams(0.5f, 8),
                new int[] {3, 40});
        float[] full = new float[96 * 96];
        for (int i = 0; i < 96; i++) {
            full[i * 97] = i + 1;
        }
        Map<Linear, LinearInput> inputs = new LinkedHashMap<>();
        linears.subList(0, 3).forEach(l -> inputs.put(l, shared));
        inputs.put(linears.get(3), fixed);
        inputs.put(linears.get(6), LinearInput.AS_IS.withTransforms(List.of(new InputTransform.Full(96, full))));
        return inputs;
    }

    @Test
    void inputsBiasesAndTheCacheComeBackAsTheyWereWritten() {
        Map<Linear, LinearInput> inputs = inputs();
        List<Linear> linears = network().linears();
        Tensor bias = Tensor.of(new float[64], 64);
        Path out = write(
                inputs,
                Set.of(linears.get(3)),
                new KvScheme(2, 32, 128, 7),
                List.of(TensorPlan.of(linears.get(3).biasName(), bias)));
        try (Checkpoint checkpoint = Checkpoint.open(out)) {
            var weights = checkpoint.weights();
            assertThat(weights.kv()).isEqualTo(new KvScheme(2, 32, 128, 7));
            List<Linear> found = checkpoint.network().linears();
            assertThat(found.get(3).bias()).isTrue();
            assertThat(found.get(4).bias()).isFalse();
            assertThat(weights.input(found.get(0))).isSameAs(weights.input(found.get(2)));
            assertThat(weights.input(found.get(4))).isSameAs(LinearInput.AS_IS);
            inputs.forEach((linear, wanted) -> {
                LinearInput input = weights.input(found.get(linear.index()));
                assertThat(input.scheme()).isEqualTo(wanted.scheme());
                assertThat(input.range()).isEqualTo(wanted.range());
                assertThat(input.exact()).isEqualTo(wanted.exact());
                assertThat(input.transforms()).hasSameSizeAs(wanted.transforms());
                for (int i = 0; i < input.transforms().size(); i++) {
                    double[] a = row(linear.inFeatures());
                    double[] b = row(linear.inFeatures());
                    input.transforms().get(i).apply(a, 0);
                    wanted.transforms().get(i).apply(b, 0);
                    assertThat(a).isEqualTo(b);
                }
            });
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 4, 8, 16, 32})
    void everyWidthOfTheCacheComesBack(int bits) {
        Path out = write(Map.of(), Set.of(), KvScheme.of(bits), List.of());
        try (Checkpoint checkpoint = Checkpoint.open(out)) {
            assertThat(checkpoint.weights().kv()).isEqualTo(KvScheme.of(bits));
        }
    }

    private static double[] row(int n) {
        double[] row = new double[n];
        for (int i = 0; i < n; i++) {
            row[i] = Math.sin(i);
        }
        return row;
    }

    @Test
    void whatIsBentIsRefusedByName() {
        Path out = write(inputs(), Set.of(), KvScheme.of(4), List.of());
        refused(
                out,
                quern -> entry(quern, 0).withArray("transforms").addObject().put("type", "warp"),
                "warp");
        refused(
                out,
                quern -> entry(quern, 0).withArray("transforms").addObject().put("type", "full"),
                "missing");
        refused(out, quern -> type(quern, 0, 0).put("type", "full"), "input_transform.0");
        refused(out, quern -> type(quern, 0, 0).put("type", "hadamard"), "input_transform.0");
        refused(out, quern -> type(quern, 1, 0).withArray("sizes").removeAll(), "sizes");
        refused(
                out,
                quern -> type(quern, 1, 0)
                        .withArray("sizes")
                        .removeAll()
                        .add(65536)
                        .add(65536),
                "sizes");
        refused(out, quern -> activations(quern, 0).put("bits", 5), "act-bits");
        refused(out, quern -> activations(quern, 0).put("dynamic", false), "input_range");
        refused(out, quern -> quern.withObject("/kv").put("bits", 3), "kv-bits");
        refused(out, quern -> quern.withObject("/kv").put("group_size", 1 << 30), "kv groups");
        refused(out, quern -> quern.put("version", 2), "quern version 2");
    }

    private static ObjectNode entry(ObjectNode quern, int entry) {
        return (ObjectNode) quern.path("inputs").path(entry);
    }

    private static ObjectNode type(ObjectNode quern, int entry, int transform) {
        return (ObjectNode) entry(quern, entry).path("transforms").path(transform);
    }

    private static ObjectNode activations(ObjectNode quern, int entry) {
        return (ObjectNode) entry(quern, entry).path("activations");
    }

    private static void refused(Path out, Consumer<ObjectNode> change, String reason) {
        ObjectNode config = (ObjectNode) Json.read(out.resolve("config.json"));
        JsonNode sound = config.deepCopy();
        change.accept((ObjectNode) config.path("quern"));
        text(out, config);
        assertThatThrownBy(() -> {
                    try (Checkpoint checkpoint = Checkpoint.open(out)) {
                        checkpoint.requireSupported();
                        checkpoint.weights().kv();
                        checkpoint.network().linears().forEach(checkpoint.weights()::input);
                    }
                })
                .isInstanceOf(QuernException.class)
                .hasMessageContaining(reason);
        text(out, sound);
    }

    @Test
    void transformsThatCannotTravelAreRefusedByConvert() {
        Path out = write(inputs(), Set.of(), KvScheme.FLOAT, List.of());
        CommandRun run = CommandRun.quern("convert", out, "-o", directory.resolve("x.gguf"));
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.err()).contains("transforms");
    }
}
