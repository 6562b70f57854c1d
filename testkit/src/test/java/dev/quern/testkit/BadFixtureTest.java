package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.DType;
import dev.quern.core.QuernException;
import dev.quern.core.Shape;
import dev.quern.core.Tensor;
import dev.quern.formats.Json;
import dev.quern.formats.Safetensors;
import dev.quern.formats.SafetensorsFile;
import dev.quern.formats.TensorPlan;
import dev.quern.models.Checkpoint;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Every fixture that a peer wrote, and Quern's own layouts, damaged tensor by tensor and field by field: one clear
/// line,
/// and nothing written.
class BadFixtureTest {
    private static final String MODULE = "model.layers.1.mlp.down_proj";

    /// What a reader can do without, or finds the same without.
    private static final Pattern OPTIONAL = Pattern.compile(".*\\.(weight_format|perm)");

    private static final Map<String, List<String>> OWN = Map.of(
            "own vptq", List.of("vptq", "--set", "centroids=16", "--set", "residual-centroids=4"),
            "own llm-int8", List.of("llm-int8", "--set", "threshold=2"));

    @TempDir
    Path directory;

    private final List<String> wrong = new ArrayList<>();

    static List<String> checkpoints() throws IOException {
        List<String> names = new ArrayList<>(OWN.keySet());
        var fixtures = Shared.find("fixtures");
        if (fixtures.isPresent()) {
            try (Stream<Path> all = Files.list(fixtures.get())) {
                all.filter(folder -> Files.isRegularFile(folder.resolve("config.json")))
                        .map(folder -> String.valueOf(folder.getFileName()))
                        .filter(name -> !name.equals("tiny-fp32"))
                        .sorted()
                        .forEach(names::add);
            }
        }
        return names;
    }

    private Path checkpoint(String name) throws IOException {
        List<String> own = OWN.get(name);
        if (own == null) {
            return PeerLogits.fixture(name);
        }
        Path model = TinyModels.write(TinyModels.named("llama"), directory.resolve("model"));
        Path text = CalibrationText.in(directory);
        Path out = directory.resolve("own");
        List<Object> arguments = new ArrayList<>(List.of("quantize", model, "-o", out, "--calibration", text));
        arguments.addAll(List.of("--samples", 4, "--seq-len", 32, "--method"));
        arguments.addAll(own);
        CommandRun run = CommandRun.quern(arguments.toArray());
        assertThat(run.err()).doesNotContain("quern: internal");
        assertThat(out.resolve("model.safetensors")).exists();
        return out;
    }

    @ParameterizedTest
    @MethodSource("checkpoints")
    void aTensorThatIsMissingBentOrOfAnotherTypeIsNamed(String name) throws IOException {
        Path source = checkpoint(name);
        int damaged = 0;
        try (SafetensorsFile file = Safetensors.open(source)) {
            for (String tensor : file.names().stream()
                    .filter(n -> n.startsWith(MODULE + "."))
                    .toList()) {
                Tensor good = file.tensor(tensor);
                if (!OPTIONAL.matcher(tensor).matches() && !isTrivialIndex(source, tensor)) {
                    refused(source, file, tensor, null, tensor + " missing");
                }
                refused(source, file, tensor, bent(good), tensor + " bent");
                refused(source, file, tensor, retyped(good), tensor + " retyped");
                if (tensor.matches(".*\\.(g_idx|outlier_columns|outlier_indices|perm)")) {
                    refused(source, file, tensor, beyond(good), tensor + " beyond its range");
                }
                damaged++;
            }
        }
        assertThat(wrong).isEmpty();
        assertThat(damaged).isGreaterThanOrEqualTo(2);
    }

    private static boolean isTrivialIndex(Path source, String tensor) {
        boolean ordered = Json.read(source.resolve("config.json"))
                .path("quantization_config")
                .path("desc_act")
                .asBoolean();
        // without outlier_columns it is bitsandbytes' own file
        return tensor.endsWith("outlier_columns") || tensor.endsWith("g_idx") && !ordered;
    }

    /// One less in the last dimension that has more than one.
    private static Tensor bent(Tensor good) {
        long[] sizes = good.shape().sizes().clone();
        int last = sizes.length - 1;
        while (last > 0 && sizes[last] == 1) {
            last--;
        }
        if (last < 0) {
            return new Tensor(good.dtype(), new Shape(1), good.data());
        }
        sizes[last]--;
        Shape shape = new Shape(sizes);
        return new Tensor(
                good.dtype(),
                shape,
                good.data().asSlice(0, shape.count() * good.dtype().bytes()));
    }

    private static Tensor retyped(Tensor good) {
        DType other = switch (good.dtype()) {
            case F32 -> DType.I32;
            case I32 -> DType.F32;
            case F16, BF16 -> DType.I16;
            case I16 -> DType.F16;
            case I64 -> DType.F64;
            case F64 -> DType.I64;
            case I8 -> DType.U8;
            case U8, BOOL -> DType.I8;
        };
        return new Tensor(other, good.shape(), good.data());
    }

    /// Every index as large as its type holds.
    private static Tensor beyond(Tensor good) {
        byte[] bytes = new byte[Math.toIntExact(good.bytes())];
        java.util.Arrays.fill(bytes, (byte) 0x7f);
        return new Tensor(good.dtype(), good.shape(), MemorySegment.ofArray(bytes));
    }

    private void refused(
            Path source,
            SafetensorsFile file,
            String tensor,
            @org.jspecify.annotations.Nullable Tensor bad,
            String what)
            throws IOException {
        Path model = directory.resolve("bad");
        Files.createDirectories(model);
        Files.copy(
                source.resolve("config.json"),
                model.resolve("config.json"),
                java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        List<TensorPlan> plans = new ArrayList<>();
        for (String name : file.names()) {
            if (!name.equals(tensor)) {
                plans.add(TensorPlan.of(name, file.tensor(name)));
            } else if (bad != null) {
                plans.add(TensorPlan.of(name, bad));
            }
        }
        Safetensors.write(model.resolve("model.safetensors"), plans, Map.of("format", "pt"));
        Path out = directory.resolve("out");
        CommandRun run = CommandRun.quern("convert", model, "-o", out, "--dtype", "f32", "--overwrite");
        boolean clear = run.err().lines().count() == 1
                && run.err().contains(MODULE)
                && !run.err().contains("internal error")
                && !run.err().contains("Exception");
        if (run.exitCode() != 1 || !clear || Files.exists(out)) {
            wrong.add(what + ": exit code " + run.exitCode() + ", " + run.err());
            delete(out);
        }
    }

    private static void delete(Path folder) throws IOException {
        if (Files.exists(folder)) {
            try (Stream<Path> files = Files.list(folder)) {
                for (Path file : files.toList()) {
                    Files.delete(file);
                }
            }
            Files.delete(folder);
        }
    }

    @ParameterizedTest
    @MethodSource("checkpoints")
    void aFieldOfTheConfigThatIsMissingOrNonsenseIsRefusedOrWithoutEffect(String name) throws IOException {
        Path source = checkpoint(name);
        Path model = Files.createDirectories(directory.resolve("bad"));
        Files.copy(source.resolve("model.safetensors"), model.resolve("model.safetensors"));
        JsonNode good = Json.read(source.resolve("config.json"));
        float[] wanted = weights(source);
        int refused = 0;
        List<String> fields = new ArrayList<>();
        paths(good.path("quantization_config"), "/quantization_config", fields);
        for (String field : fields) {
            for (String value : new String[] {"", "\"nonsense\"", "-77", "{}"}) {
                ObjectNode bad = good.deepCopy();
                int cut = field.lastIndexOf('/');
                ObjectNode parent = (ObjectNode) bad.at(field.substring(0, cut));
                if (value.isEmpty()) {
                    parent.remove(field.substring(cut + 1));
                } else {
                    parent.set(field.substring(cut + 1), Json.parse(Path.of("value"), value));
                }
                Files.writeString(model.resolve("config.json"), Json.pretty(bad));
                try {
                    boolean same = Arrays.equals(weights(model), wanted);
                    if (!same) {
                        wrong.add(field + " = " + value);
                    }
                } catch (QuernException e) {
                    assertThat(e.getMessage()).doesNotContain("\n").isNotBlank();
                    refused++;
                } catch (RuntimeException e) {
                    wrong.add(field + " = " + value + ": " + e);
                }
            }
        }
        assertThat(wrong).isEmpty();
        assertThat(refused).isPositive();
    }

    private static void paths(JsonNode node, String at, List<String> found) {
        node.properties().forEach(entry -> {
            String path = at + "/" + entry.getKey();
            if (!entry.getKey().contains("/") && !entry.getKey().equals("meta")) {
                found.add(path);
                paths(entry.getValue(), path, found);
            }
        });
    }

    private static float[] weights(Path model) {
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            checkpoint.requireSupported();
            return checkpoint.weights().weight(MODULE + ".weight").unpack();
        }
    }

    @ParameterizedTest
    @MethodSource("checkpoints")
    void aFileThatEndsEarlyIsRefused(String name) throws IOException {
        Path source = checkpoint(name);
        Path model = Files.createDirectories(directory.resolve("bad"));
        Files.copy(source.resolve("config.json"), model.resolve("config.json"));
        byte[] whole = BrokenFiles.bytes(source.resolve("model.safetensors"));
        for (int length : new int[] {whole.length - 1, whole.length / 2, 100}) {
            BrokenFiles.write(model.resolve("model.safetensors"), BrokenFiles.truncated(whole, length));
            CommandRun.quern("convert", model, "-o", directory.resolve("out"))
                    .failsWith(1, model.resolve("model.safetensors").toString());
            assertThat(directory.resolve("out")).doesNotExist();
        }
    }

    @Test
    void aGgufFileOfAnyTypeThatEndsEarlyOrLiesAboutATensorIsRefused() throws IOException {
        List<Path> files;
        try (Stream<Path> all = Files.list(PeerLogits.fixture("gguf"))) {
            files = all.filter(
                            p -> p.toString().endsWith(".gguf") && p.toString().contains("tiny-"))
                    .sorted()
                    .toList();
        }
        assertThat(files).hasSizeGreaterThan(20);
        String tensor = "blk.1.ffn_down.weight";
        for (Path file : files) {
            byte[] whole = BrokenFiles.bytes(file);
            // behind the name: dimensions u32, two sizes u64, type u32, offset u64
            int sizes = BrokenFiles.indexOf(whole, tensor) + tensor.length() + 4;
            List<byte[]> damages = List.of(
                    BrokenFiles.truncated(whole, whole.length - 1),
                    BrokenFiles.truncated(whole, whole.length / 2),
                    BrokenFiles.withLong(whole, sizes, 1024),
                    BrokenFiles.withLong(whole, sizes, 511),
                    BrokenFiles.withInt(whole, sizes + 16, 28),
                    BrokenFiles.withInt(whole, sizes + 16, 4),
                    BrokenFiles.withLong(whole, sizes + 20, 1L << 40));
            for (int i = 0; i < damages.size(); i++) {
                Path bad = BrokenFiles.write(directory.resolve("bad.gguf"), Objects.requireNonNull(damages.get(i)));
                CommandRun run = CommandRun.quern("convert", bad, "-o", directory.resolve("out"), "--dtype", "f32");
                assertThat(run.exitCode())
                        .as("%s, damage %d", file.getFileName(), i)
                        .isEqualTo(1);
                assertThat(run.err().lines())
                        .as("%s, damage %d", file.getFileName(), i)
                        .hasSize(1);
                assertThat(run.err()).containsAnyOf("bad.gguf", MODULE).doesNotContain("internal error");
                assertThat(directory.resolve("out")).doesNotExist();
            }
        }
    }
}
