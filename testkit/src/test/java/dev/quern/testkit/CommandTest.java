package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Each command on a tiny model, with the fields that scripts rely on.
class CommandTest {
    private static final String TEXT = "The other hand of the thing was in the water and on the way. ".repeat(40);

    @TempDir
    static Path directory;

    private static Path model = Path.of("");
    private static Path text = Path.of("");

    @BeforeAll
    static void writeModel() throws IOException {
        model = TinyModels.write(TinyModels.named("llama"), directory.resolve("model"));
        text = Files.writeString(directory.resolve("text.txt"), TEXT);
    }

    @Test
    void inspectTellsWhatTheModelIs() {
        JsonNode facts =
                CommandRun.quern("inspect", model, "--tensors", "--json").json();

        assertThat(facts.path("architecture").asText()).isEqualTo("llama");
        assertThat(facts.path("supported").asBoolean()).isTrue();
        assertThat(facts.path("missing")).isEmpty();
        assertThat(facts.path("bits_per_weight").asDouble()).isEqualTo(32);
        assertThat(facts.path("bytes").asLong())
                .isEqualTo(4 * facts.path("parameters").asLong());
        long listed = 0;
        for (JsonNode tensor : facts.path("tensors")) {
            assertThat(tensor.path("shape")).isNotEmpty();
            assertThat(tensor.path("encoding").asText()).isEqualTo("F32");
            listed += tensor.path("bytes").asLong();
        }
        assertThat(listed).isEqualTo(facts.path("bytes").asLong());
        assertThat(CommandRun.quern("inspect", model).out()).contains("yes: Quern runs and quantizes it");
    }

    @Test
    void theWayFromTheFloatModelToAMeasuredQuantizedOne() {
        Path output = directory.resolve("w4");
        JsonNode report = CommandRun.quern(
                        "quantize",
                        model,
                        "-o",
                        output,
                        "--method",
                        "gptq",
                        "--bits",
                        4,
                        "--group-size",
                        32,
                        "--calibration",
                        text,
                        "--samples",
                        8,
                        "--seq-len",
                        32,
                        "--json")
                .json();
        assertThat(report.path("method").asText()).isEqualTo("gptq");
        assertThat(report.path("verified").asBoolean()).isTrue();
        assertThat(report.path("bits_per_weight").asDouble()).isBetween(4.0, 5.5);
        assertThat(report.path("layers")).hasSize(28);
        for (String field : new String[] {"name", "encoding", "bits_per_weight", "relative_error", "fallback"}) {
            assertThat(report.path("layers").get(0).has(field)).as(field).isTrue();
        }

        JsonNode inspected = CommandRun.quern("inspect", output, "--json").json();
        assertThat(inspected.path("quantization").path("quant_method").asText()).isEqualTo("gptq");
        assertThat(inspected.path("parameters").asLong())
                .isEqualTo(CommandRun.quern("inspect", model, "--json")
                        .json()
                        .path("parameters")
                        .asLong());

        JsonNode kl = CommandRun.quern(
                        "eval", output, "--task", "kl", "--reference", model, "--data", text, "--window", 32, "--json")
                .json();
        assertThat(kl.path("mean_kl").asDouble()).isGreaterThan(1e-5).isLessThan(0.5);
        assertThat(kl.path("top1_agreement").asDouble()).isGreaterThan(0.5);
        assertThat(kl.path("ppl_reference").asDouble()).isEqualTo(perplexity(model, "java"), within(1e-6));
        assertThat(kl.path("ppl").asDouble()).isEqualTo(perplexity(output, "java"), within(1e-6));
    }

    @Test
    void bothExecutorsGiveOnePerplexity() {
        double java = perplexity(model, "java");
        assertThat(perplexity(model, "torch")).isEqualTo(java, within(1e-4 * java));
    }

    private static double perplexity(Path model, String executor) {
        JsonNode result = CommandRun.quern(
                        "eval",
                        model,
                        "--task",
                        "perplexity",
                        "--data",
                        text,
                        "--window",
                        32,
                        "--executor",
                        executor,
                        "--json")
                .json();
        assertThat(result.path("protocol").asText()).isEqualTo("paper");
        assertThat(result.path("tokens").asLong())
                .isEqualTo(31 * result.path("windows").asLong());
        assertThat(result.path("stderr").asDouble()).isPositive();
        return result.path("value").asDouble();
    }

    @Test
    void theLlamaCppProtocolScoresTheSecondHalfOfEachWindow() {
        JsonNode result = CommandRun.quern(
                        "eval",
                        model,
                        "--protocol",
                        "llama.cpp",
                        "--data",
                        text,
                        "--window",
                        32,
                        "--max-windows",
                        3,
                        "--json")
                .json();

        assertThat(result.path("windows").asInt()).isEqualTo(3);
        assertThat(result.path("tokens").asInt()).isEqualTo(3 * 15);
    }

    @Test
    void aChoiceTaskIsScored() throws IOException {
        Path questions = Files.writeString(directory.resolve("piqa.jsonl"), """
                {"goal": "the hand", "sol1": "of the thing", "sol2": "zzzz zzzz", "label": 0}
                {"goal": "the water", "sol1": "qqqq", "sol2": "and on the way", "label": 1}
                """);

        JsonNode result = CommandRun.quern("eval", model, "--task", "piqa", "--data", questions, "--json")
                .json();

        assertThat(result.path("n").asInt()).isEqualTo(2);
        assertThat(result.path("acc").asDouble()).isBetween(0.0, 1.0);
        assertThat(result.has("acc_norm")).isTrue();
        assertThat(CommandRun.quern("eval", model, "--task", "piqa", "--data", questions, "--limit", 1)
                        .out())
                .contains("1 questions of piqa");
    }

    @Test
    void anImportanceMatrixServesAMixture() {
        Path matrix = directory.resolve("imatrix.gguf");
        JsonNode made = CommandRun.quern(
                        "imatrix", model, "--data", text, "-o", matrix, "--window", 32, "--max-windows", 3, "--json")
                .json();
        assertThat(made.path("matrices").asInt()).isEqualTo(4 * 7);
        assertThat(made.path("windows").asInt()).isEqualTo(3);
        assertThat(made.path("tokens").asInt()).isEqualTo(96);

        Path gguf = directory.resolve("mixture.gguf");
        JsonNode report = CommandRun.quern(
                        "convert", model, "-o", gguf, "--dtype", "q4_k_m", "--imatrix", matrix, "--json")
                .json();
        assertThat(report.path("lossless").asBoolean()).isFalse();
        assertThat(report.path("fallbacks").path(0).path("written").asText()).isEqualTo("Q5_0");
        assertThat(CommandRun.quern("convert", model, "-o", directory.resolve("again.gguf"), "--dtype", "q4_k_m")
                        .out())
                .contains("matrices: rows of 64 do not divide into Q4_K blocks, so Q5_0");
        assertThat(CommandRun.quern("eval", gguf, "--data", text, "--window", 32, "--json")
                        .json()
                        .path("value")
                        .asDouble())
                .isPositive();
    }

    @Test
    void convertThereAndBackKeepsEveryWeight() {
        Path gguf = directory.resolve("there.gguf");
        Path back = directory.resolve("back");
        JsonNode there =
                CommandRun.quern("convert", model, "-o", gguf, "--json").json();
        assertThat(there.path("to").asText()).isEqualTo("gguf");
        assertThat(there.path("lossless").asBoolean()).isTrue();
        assertThat(gguf).hasSize(there.path("bytes").asLong());

        assertThat(CommandRun.quern("convert", gguf, "-o", back, "--to", "safetensors", "--dtype", "f32")
                        .out())
                .contains("every weight as it was");
        assertThat(perplexity(back, "java")).isEqualTo(perplexity(model, "java"));

        JsonNode rounded = CommandRun.quern(
                        "convert", model, "-o", directory.resolve("q8.gguf"), "--dtype", "q8_0", "--json")
                .json();
        assertThat(rounded.path("lossless").asBoolean()).isFalse();
    }

    @Test
    void generateContinuesAPromptTheSameWayEachTime() {
        JsonNode made = CommandRun.quern("generate", model, "-p", "the hand of", "-n", 12, "--json")
                .json();

        assertThat(made.path("generated_tokens").asInt()).isEqualTo(12);
        assertThat(made.path("finish_reason").asText()).isEqualTo("length");
        assertThat(made.path("prompt_tokens").asInt()).isPositive();
        assertThat(made.path("prefill_tokens_per_second").asDouble()).isPositive();
        assertThat(made.path("decode_tokens_per_second").asDouble()).isPositive();
        CommandRun streamed = CommandRun.withInput("the hand of", "generate", model, "-n", 12, "--threads", 1);
        assertThat(streamed.out()).isEqualTo(made.path("text").asText() + "\n");
    }

    @Test
    void samplingFollowsTheSeed() {
        Object[] line = {"generate", model, "-p", "the", "-n", 24, "--temperature", 1.5, "--seed", 7};
        String first = CommandRun.quern(line).out();

        assertThat(CommandRun.quern(line).out()).isEqualTo(first);
        line[line.length - 1] = 8;
        assertThat(CommandRun.quern(line).out()).isNotEqualTo(first);
    }

    @Test
    void benchGivesSpeedsAndTheMachinesBandwidth() {
        JsonNode speed = CommandRun.quern(
                        "bench", model, "--prompt-tokens", 16, "--gen-tokens", 8, "--repeat", 1, "--json")
                .json();

        for (String field : new String[] {
            "threads",
            "prefill_tokens_per_second",
            "decode_tokens_per_second",
            "weight_bytes",
            "read_bytes_per_second",
            "memory_bandwidth_bytes_per_second"
        }) {
            assertThat(speed.path(field).asDouble()).as(field).isPositive();
        }
        assertThat(speed.path("kernel").asText()).isNotEmpty();
        CommandRun.quern("bench", model, "--prompt-tokens", 60, "--gen-tokens", 8)
                .failsWith(1, "context holds 64");
    }

    @Test
    void doctorFindsTheLibraries() {
        JsonNode facts = CommandRun.quern("doctor", "--json").json();

        assertThat(facts.path("libraries").path("libtorch").path("loads").asBoolean())
                .isTrue();
        assertThat(facts.path("libraries").path("libtorch").path("products_for").asText())
                .isNotEmpty();
        assertThat(facts.path("libraries").path("tokenizers").path("loads").asBoolean())
                .isTrue();
        assertThat(facts.path("vector_bits").isInt()).isTrue();
        assertThat(facts.path("cores").asInt()).isPositive();
        assertThat(facts.path("memory_bytes").asLong()).isPositive();
        assertThat(facts.path("devices").toString()).isEqualTo("[\"cpu\"]");
    }
}
