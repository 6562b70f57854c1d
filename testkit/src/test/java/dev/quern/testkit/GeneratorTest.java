package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.quern.core.UsageException;
import dev.quern.kernels.Workers;
import dev.quern.models.Checkpoint;
import dev.quern.runtime.FinishReason;
import dev.quern.runtime.Generation;
import dev.quern.runtime.Generator;
import dev.quern.runtime.Model;
import dev.quern.runtime.Sampler;
import dev.quern.runtime.SamplerOptions;
import dev.quern.runtime.Session;
import dev.quern.text.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The token loop on a tiny model with a real tokenizer.
class GeneratorTest {
    private static final SamplerOptions WARM = new SamplerOptions(1, 0, 1, 0, 1, 4);
    private static final Generator.Limits FREE = new Generator.Limits(40, Set.of(), List.of());

    @TempDir
    static Path directory;

    private static Checkpoint checkpoint;
    private static Workers workers;
    private static Tokenizer tokenizer;
    private static Model model;

    @BeforeAll
    static void open() {
        TinyModels.write(TinyModels.named("llama"), directory);
        checkpoint = Checkpoint.open(directory);
        tokenizer = checkpoint.tokenizer();
        workers = Workers.of(2);
        model = new Model(checkpoint.network(), checkpoint.weights(), workers);
    }

    @AfterAll
    static void close() {
        workers.close();
        tokenizer.close();
        checkpoint.close();
    }

    @Test
    void theTextIsThatOfTheTokensAndArrivesInWholeCharacters() {
        List<String> pieces = new ArrayList<>();
        Generation generation = generate(WARM, FREE, pieces);
        assertThat(generation.text()).isEqualTo(String.join("", pieces)).isEqualTo(tokenizer.decode(tokens(WARM, 40)));
        assertThat(generation.generatedTokens()).isEqualTo(40);
        assertThat(generation.decodeSteps()).isEqualTo(39);
        assertThat(generation.promptTokens()).isEqualTo(prompt().length);
        assertThat(generation.finishReason()).isEqualTo(FinishReason.LENGTH);
        assertThat(generation.prefillTokensPerSecond()).isPositive();
        assertThat(generation.decodeTokensPerSecond()).isPositive();
    }

    @Test
    void equalSeedsGiveEqualTextsAndOthersDoNot() {
        String text = generate(WARM, FREE, new ArrayList<>()).text();
        assertThat(generate(WARM, FREE, new ArrayList<>()).text()).isEqualTo(text);
        assertThat(generate(new SamplerOptions(1, 0, 1, 0, 1, 5), FREE, new ArrayList<>())
                        .text())
                .isNotEqualTo(text);
    }

    @Test
    void anEndTokenStopsAndIsNotPartOfTheText() {
        int[] tokens = tokens(WARM, 40);
        int at = 12;
        int end = IntStream.range(0, 40)
                .filter(i -> tokens[i] == tokens[at])
                .findFirst()
                .orElseThrow();
        Generation generation =
                generate(WARM, new Generator.Limits(40, Set.of(tokens[at]), List.of()), new ArrayList<>());
        assertThat(generation.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(generation.generatedTokens()).isEqualTo(end + 1);
        assertThat(generation.text()).isEqualTo(tokenizer.decode(Arrays.copyOf(tokens, end)));
    }

    @Test
    void aStopStringEndsTheTextBeforeItAndIsNeverStreamed() {
        String text = generate(WARM, FREE, new ArrayList<>()).text();
        String stop = text.substring(10, 13);
        List<String> pieces = new ArrayList<>();
        Generation generation = generate(WARM, new Generator.Limits(40, Set.of(), List.of(stop)), pieces);
        assertThat(generation.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(generation.text()).isEqualTo(text.substring(0, text.indexOf(stop)));
        assertThat(String.join("", pieces)).isEqualTo(generation.text());
        assertThat(generation.generatedTokens()).isLessThan(40);
    }

    @Test
    void aSecondTurnGoesOnWhereTheFirstEnded() {
        Session session = new Session(model);
        Generator generator = new Generator(session, tokenizer);
        generator.generate(prompt(), new Sampler(SamplerOptions.GREEDY), FREE, _ -> {});
        // the last token of a turn is not yet run
        assertThat(session.length()).isEqualTo(prompt().length + 39);
        generator.generate(prompt(), new Sampler(SamplerOptions.GREEDY), FREE, _ -> {});
        assertThat(session.length()).isEqualTo(2 * (prompt().length + 39));
    }

    @Test
    void noTokensAreRefusedAsAPromptOrAsALimit() {
        Generator generator = new Generator(new Session(model), tokenizer);
        assertThatThrownBy(() -> generator.generate(new int[0], new Sampler(WARM), FREE, _ -> {}))
                .isInstanceOf(UsageException.class);
        assertThatThrownBy(() -> new Generator.Limits(0, Set.of(), List.of())).isInstanceOf(UsageException.class);
    }

    private static Generation generate(SamplerOptions options, Generator.Limits limits, List<String> pieces) {
        return new Generator(new Session(model), tokenizer)
                .generate(prompt(), new Sampler(options), limits, pieces::add);
    }

    /// The same by hand.
    private static int[] tokens(SamplerOptions options, int count) {
        Session session = new Session(model);
        Sampler sampler = new Sampler(options);
        int[] history = Arrays.copyOf(prompt(), prompt().length + count);
        float[] logits = session.prefill(prompt());
        for (int at = prompt().length; at < history.length; at++) {
            history[at] = sampler.sample(logits, history, at);
            logits = session.decode(history[at]);
        }
        return Arrays.copyOfRange(history, prompt().length, history.length);
    }

    private static int[] prompt() {
        return tokenizer.encode("the cat sat on the mat");
    }
}
