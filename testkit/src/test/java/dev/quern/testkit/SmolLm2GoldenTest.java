package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.quern.formats.Json;
import dev.quern.kernels.InputPrecision;
import dev.quern.kernels.Workers;
import dev.quern.models.Checkpoint;
import dev.quern.runtime.Generation;
import dev.quern.runtime.Generator;
import dev.quern.runtime.Model;
import dev.quern.runtime.Sampler;
import dev.quern.runtime.SamplerOptions;
import dev.quern.runtime.Session;
import dev.quern.text.Message;
import dev.quern.text.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;

/// The real model as a GGUF file, run by our own kernels, says what transformers says in float32: logits with
/// activations as floats, text as users have it.
///
/// Where two tokens are within 1e-3 at a step either may win; such steps are reported by name.
class SmolLm2GoldenTest {
    private static final double TOLERANCE = 1e-3;

    private static @Nullable Fixture opened;

    record Fixture(Checkpoint checkpoint, Tokenizer tokenizer, Workers workers, Model model, List<JsonNode> cases) {
        /// With activations as users have them.
        Model shipped() {
            return new Model(checkpoint.network(), checkpoint.weights(), workers);
        }
    }

    @BeforeAll
    static void open() {
        Optional<Path> file = Shared.find("models/SmolLM2-135M-Instruct.Q4_1.gguf");
        Optional<Path> golden = Shared.find("golden/smollm2-greedy.json");
        assumeThat(file).as("the real model lies beside the project").isPresent();
        assumeThat(golden).as("the golden values lie beside the project").isPresent();
        Checkpoint checkpoint = Checkpoint.open(file.orElseThrow());
        Workers workers = Workers.ofMachine();
        opened = new Fixture(
                checkpoint,
                checkpoint.tokenizer(),
                workers,
                new Model(checkpoint.network(), checkpoint.weights(), workers, InputPrecision.FLOAT),
                list(Json.read(golden.orElseThrow()).path("cases")));
    }

    @AfterAll
    static void close() {
        if (opened != null) {
            opened.tokenizer().close();
            opened.workers().close();
            opened.checkpoint().close();
        }
    }

    @Test
    void promptsEncodeToTheGoldenTokensAlsoThroughTheChatTemplate() {
        Fixture fixture = fixture();
        for (JsonNode golden : fixture.cases()) {
            String text = text(fixture, golden);
            assertThat(fixture.tokenizer().encode(text)).as(text).isEqualTo(ids(golden.path("prompt_ids")));
        }
    }

    @Test
    void logitsAfterEachPromptAreTheGoldenOnes() {
        Fixture fixture = fixture();
        List<JsonNode> cases = fixture.cases().stream()
                .filter(golden -> golden.has("logits_sum"))
                .toList();
        assertThat(cases).hasSizeGreaterThanOrEqualTo(5);
        for (JsonNode golden : cases) {
            float[] logits = new Session(fixture.model()).prefill(ids(golden.path("prompt_ids")));
            for (JsonNode pair : golden.path("last_logits_top5")) {
                assertThat(logits[pair.path(0).asInt()])
                        .as("%s: token %s", text(fixture, golden), pair.path(0))
                        .isCloseTo((float) pair.path(1).asDouble(), within((float) TOLERANCE));
            }
            double sum = 0;
            double squares = 0;
            for (float logit : logits) {
                sum += logit;
                squares += (double) logit * logit;
            }
            assertThat(sum / logits.length)
                    .isCloseTo(golden.path("logits_sum").asDouble() / logits.length, within(TOLERANCE));
            assertThat(Math.sqrt(squares)).isCloseTo(golden.path("logits_norm").asDouble(), within(TOLERANCE * 100));
        }
    }

    @Test
    void everyGreedyTokenIsTheGoldenOne(TestReporter reporter) {
        Fixture fixture = fixture();
        List<String> ties = new ArrayList<>();
        for (JsonNode golden : fixture.cases()) {
            Session session = new Session(fixture.model());
            float[] logits = session.prefill(ids(golden.path("prompt_ids")));
            int[] wanted = ids(golden.path("greedy_ids"));
            for (int i = 0; i < wanted.length; i++) {
                int best = largest(logits);
                String step = text(fixture, golden) + ": step " + i + ", token " + best + " for " + wanted[i];
                if (best != wanted[i]) {
                    assertThat(logits[best] - logits[wanted[i]]).as(step).isLessThan((float) TOLERANCE);
                    ties.add(step);
                }
                logits = session.decode(wanted[i]);
            }
        }
        reporter.publishEntry("ties within 1e-3", ties.toString());
    }

    @Test
    void generatedTextIsTheGoldenText() {
        Fixture fixture = fixture();
        Tokenizer tokenizer = fixture.tokenizer();
        Model model = fixture.shipped();
        for (JsonNode golden : fixture.cases()) {
            int[] prompt = ids(golden.path("prompt_ids"));
            int[] wanted = ids(golden.path("greedy_ids"));
            StringBuilder streamed = new StringBuilder();
            Generation generation = new Generator(new Session(model), tokenizer)
                    .generate(
                            prompt,
                            new Sampler(SamplerOptions.GREEDY),
                            new Generator.Limits(wanted.length, Set.of(), List.of()),
                            streamed::append);
            assertThat(generation.text()).isEqualTo(tokenizer.decode(wanted)).isEqualTo(streamed.toString());
        }
    }

    private static Fixture fixture() {
        return Objects.requireNonNull(opened);
    }

    private static String text(Fixture fixture, JsonNode golden) {
        if (golden.has("prompt")) {
            return golden.path("prompt").asText();
        }
        List<Message> messages = list(golden.path("messages")).stream()
                .map(m -> new Message(m.path("role").asText(), m.path("content").asText()))
                .toList();
        String rendered = fixture.checkpoint().chatTemplate().orElseThrow().render(messages, true);
        assertThat(rendered).isEqualTo(golden.path("rendered").asText());
        return rendered;
    }

    private static int largest(float[] logits) {
        return IntStream.range(0, logits.length)
                .reduce((a, b) -> logits[b] > logits[a] ? b : a)
                .orElseThrow();
    }

    private static int[] ids(JsonNode ids) {
        return IntStream.range(0, ids.size()).map(i -> ids.path(i).asInt()).toArray();
    }

    private static List<JsonNode> list(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false).toList();
    }
}
