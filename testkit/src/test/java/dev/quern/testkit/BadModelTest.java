package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Every way a model's files can be bad: one line that names the file, exit code 1, and no output.
class BadModelTest {
    private static final int GGUF_COUNT = 8;
    private static final int GGUF_KEYS = 16;
    private static final int GGUF_FIRST_KEY = 24;

    @TempDir
    static Path good;

    @TempDir
    Path directory;

    private static byte[] safetensors = {};
    private static byte[] gguf = {};

    /// One damage: to the safetensors or the GGUF file, and what the line says about it.
    record Damage(String name, boolean toGguf, UnaryOperator<byte[]> how, String says) {
        @Override
        public String toString() {
            return name;
        }
    }

    @BeforeAll
    static void writeGoodFiles() {
        Path model = TinyModels.write(TinyModels.named("llama"), good.resolve("model"));
        safetensors = BrokenFiles.bytes(model.resolve("model.safetensors"));
        Path file = good.resolve("model.gguf");
        assertThat(CommandRun.quern("convert", model, "-o", file).exitCode()).isZero();
        gguf = BrokenFiles.bytes(file);
    }

    static Stream<Damage> damages() {
        return Stream.of(
                        truncations("safetensors", false, safetensorsSections()),
                        truncations("GGUF", true, ggufSections()),
                        others())
                .flatMap(s -> s);
    }

    private static Stream<Damage> truncations(String format, boolean toGguf, Map<String, Integer> sections) {
        return sections.entrySet().stream()
                .map(section -> new Damage(
                        format + " truncated " + section.getKey(),
                        toGguf,
                        bytes -> BrokenFiles.truncated(bytes, section.getValue()),
                        ""));
    }

    private static Map<String, Integer> safetensorsSections() {
        int data = 8 + (int) BrokenFiles.longAt(safetensors, 0);
        Map<String, Integer> sections = new LinkedHashMap<>();
        sections.put("to nothing", 0);
        sections.put("in the header's length", 5);
        sections.put("before the header", 8);
        sections.put("in the header", data / 2);
        sections.put("before the data", data);
        sections.put("in the data", (data + safetensors.length) / 2);
        sections.put("by one byte", safetensors.length - 1);
        return sections;
    }

    private static Map<String, Integer> ggufSections() {
        int tensors = BrokenFiles.indexOf(gguf, "token_embd.weight");
        Map<String, Integer> sections = new LinkedHashMap<>();
        sections.put("to nothing", 0);
        sections.put("in the magic", 3);
        sections.put("in the version", 6);
        sections.put("in the number of tensors", 12);
        sections.put("in the number of keys", 20);
        sections.put("in a key's length", GGUF_FIRST_KEY + 4);
        sections.put("in a key", GGUF_FIRST_KEY + 12);
        sections.put("in the tokens", BrokenFiles.indexOf(gguf, "tokenizer.ggml.tokens") + 60);
        sections.put("before the tensors' list", tensors - 8);
        sections.put("in a tensor's name", tensors + 5);
        sections.put("in a tensor's shape", tensors + "token_embd.weight".length() + 8);
        sections.put("in the data", gguf.length - 5000);
        sections.put("by one byte", gguf.length - 1);
        return sections;
    }

    private static Stream<Damage> others() {
        return Stream.of(
                new Damage(
                        "safetensors whose header claims 2^60 bytes",
                        false,
                        bytes -> BrokenFiles.withLong(bytes, 0, 1L << 60),
                        "header of 1152921504606846976 bytes"),
                new Damage("safetensors that is text", false, _ -> text(), "not a safetensors file"),
                new Damage(
                        "safetensors whose header is no JSON",
                        false,
                        bytes -> BrokenFiles.withHeader(bytes, header -> header.replace('}', ']')),
                        "not valid JSON: Unexpected close marker ']'"),
                new Damage(
                        "safetensors with a tensor past the end of the file",
                        false,
                        bytes -> BrokenFiles.withHeader(bytes, header -> lastOffset(header, end -> end + 4096)),
                        "model."),
                new Damage(
                        "safetensors with overlapping tensors",
                        false,
                        bytes -> BrokenFiles.withHeader(
                                bytes,
                                header ->
                                        header.replaceFirst("\"data_offsets\":\\[(\\d\\d+),", "\"data_offsets\":[0,")),
                        "model."),
                new Damage("GGUF with a wrong magic", true, bytes -> changed(bytes, 0, "GGUX"), "not a GGUF file"),
                new Damage("GGUF of a version to come", true, bytes -> BrokenFiles.withInt(bytes, 4, 77), "version 77"),
                new Damage("GGUF that is text", true, _ -> text(), "not a GGUF file"),
                new Damage(
                        "GGUF that claims 2^60 tensors",
                        true,
                        bytes -> BrokenFiles.withLong(bytes, GGUF_COUNT, 1L << 60),
                        "1152921504606846976"),
                new Damage(
                        "GGUF that claims 2^60 keys",
                        true,
                        bytes -> BrokenFiles.withLong(bytes, GGUF_KEYS, 1L << 60),
                        "1152921504606846976"),
                new Damage(
                        "GGUF whose first key claims 2^60 bytes",
                        true,
                        bytes -> BrokenFiles.withLong(bytes, GGUF_FIRST_KEY, 1L << 60),
                        "1152921504606846976"),
                new Damage(
                        "GGUF with a tensor past the end of the file",
                        true,
                        bytes -> BrokenFiles.withLong(bytes, offsetOf("output_norm.weight", 1), 1L << 40),
                        "output_norm.weight"),
                new Damage(
                        "GGUF with overlapping tensors",
                        true,
                        bytes -> BrokenFiles.withLong(bytes, offsetOf("output_norm.weight", 1), 0),
                        "overlap"));
    }

    /// A tensor's entry is its name, its rank (u32), its sizes, its type (u32) and then its offset.
    private static int offsetOf(String tensor, int rank) {
        return BrokenFiles.indexOf(gguf, tensor) + tensor.length() + 4 + 8 * rank + 4;
    }

    private static String lastOffset(String header, java.util.function.LongUnaryOperator change) {
        int close = header.lastIndexOf(']');
        int from = header.lastIndexOf(',', close) + 1;
        long end = Long.parseLong(header.substring(from, close).strip());
        return header.substring(0, from) + change.applyAsLong(end) + header.substring(close);
    }

    private static byte[] text() {
        return "Once upon a time there was a model that was no model at all.\n"
                .repeat(40)
                .getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] changed(byte[] bytes, int at, String text) {
        return ByteBuffer.wrap(bytes.clone())
                .order(ByteOrder.LITTLE_ENDIAN)
                .put(at, text.getBytes(StandardCharsets.US_ASCII))
                .array();
    }

    @ParameterizedTest
    @MethodSource("damages")
    void aDamagedFileIsRefusedByNameAndNothingIsWritten(Damage damage) throws IOException {
        Path model = damaged(damage);
        String file = damage.toGguf()
                ? model.toString()
                : model.resolve("model.safetensors").toString();
        Path output = directory.resolve("output");

        CommandRun.quern("inspect", model).failsWith(1, file, damage.says());
        CommandRun.quern("quantize", model, "-o", output, "--method", "rtn", "--group-size", "32")
                .failsWith(1, file, damage.says());
        CommandRun.quern("convert", model, "-o", directory.resolve("output.gguf"))
                .failsWith(1, file, damage.says());

        try (Stream<Path> left = Files.list(directory)) {
            assertThat(left).containsExactly(model);
        }
    }

    private Path damaged(Damage damage) throws IOException {
        if (damage.toGguf()) {
            return BrokenFiles.write(directory.resolve("bad.gguf"), damage.how().apply(gguf));
        }
        Path model = directory.resolve("bad");
        copy(good.resolve("model"), model);
        BrokenFiles.write(model.resolve("model.safetensors"), damage.how().apply(safetensors));
        return model;
    }

    private static void copy(Path from, Path to) throws IOException {
        Files.createDirectories(to);
        try (Stream<Path> files = Files.list(from)) {
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(file.getFileName()));
            }
        }
    }

    @Test
    void aTextFileIsNoModel() {
        Path file = BrokenFiles.write(directory.resolve("notes.txt"), text());

        for (String command : new String[] {"inspect", "generate", "bench"}) {
            CommandRun.quern(command, file).failsWith(1, file.toString());
        }
    }

    @Test
    void aDirectoryWithoutAModelSaysWhatAModelIs() {
        CommandRun.quern("inspect", directory).failsWith(1, directory.toString(), "safetensors");
    }

    @Test
    void withoutATokenizerAModelIsInspectedAndConvertedToSafetensorsButNotRun() throws IOException {
        Path model = directory.resolve("model");
        copy(good.resolve("model"), model);
        Files.delete(model.resolve("tokenizer.json"));
        Path text = BrokenFiles.write(directory.resolve("text.txt"), text());

        assertThat(CommandRun.quern("inspect", model).out()).contains("tokenizer      none: ", "no tokenizer.json");
        CommandRun.quern("generate", model, "-p", "a").failsWith(1, model.toString(), "no tokenizer.json");
        CommandRun.quern("eval", model, "--data", text).failsWith(1, model.toString(), "no tokenizer.json");
        CommandRun.quern(
                        "quantize",
                        model,
                        "-o",
                        directory.resolve("out"),
                        "--method",
                        "gptq",
                        "--group-size",
                        "32",
                        "--calibration",
                        text)
                .failsWith(1, model.toString(), "no tokenizer.json");
        assertThat(directory.resolve("out")).doesNotExist();
    }

    @Test
    void anUnknownArchitectureIsInspectedAndNamedByTheRest() throws IOException {
        Path model = directory.resolve("model");
        copy(good.resolve("model"), model);
        Path config = model.resolve("config.json");
        Files.writeString(
                config,
                Files.readString(config)
                        .replace("LlamaForCausalLM", "MambaForCausalLM")
                        .replace("\"llama\"", "\"mamba\""));

        assertThat(CommandRun.quern("inspect", model, "--json")
                        .json()
                        .path("missing")
                        .toString())
                .contains("MambaForCausalLM");
        CommandRun.quern("generate", model, "-p", "a").failsWith(1, "MambaForCausalLM", "LlamaForCausalLM");
        CommandRun.quern("quantize", model, "-o", directory.resolve("out"), "--method", "rtn")
                .failsWith(1, "MambaForCausalLM", "LlamaForCausalLM");
    }

    @ParameterizedTest
    @org.junit.jupiter.params.provider.ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY})
    void aWeightThatIsNoNumberStopsQuantizeAndGenerate(float value) throws IOException {
        Path model = directory.resolve("model");
        copy(good.resolve("model"), model);
        String name = "model.layers.2.mlp.down_proj.weight";
        BrokenFiles.write(
                model.resolve("model.safetensors"), BrokenFiles.withFloat(safetensors, dataOf(name) + 400, value));
        Path output = directory.resolve("out");

        CommandRun.quern("quantize", model, "-o", output, "--method", "rtn", "--group-size", "32")
                .failsWith(1, "model.layers.2.mlp.down_proj");
        CommandRun.quern("generate", model, "-p", "the hand of the").failsWith(1, "not a finite number");
        assertThat(output).doesNotExist();
    }

    private static int dataOf(String tensor) {
        int header = (int) BrokenFiles.longAt(safetensors, 0);
        String text = new String(safetensors, 8, header, StandardCharsets.UTF_8);
        int at = text.indexOf("\"" + tensor + "\"");
        int from = text.indexOf("\"data_offsets\":[", at) + "\"data_offsets\":[".length();
        return 8 + header + Integer.parseInt(text.substring(from, text.indexOf(',', from)));
    }
}
