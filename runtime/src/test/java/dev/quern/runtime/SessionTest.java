package dev.quern.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.quern.core.KvScheme;
import dev.quern.core.UsageException;
import dev.quern.kernels.Workers;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SessionTest {
    @Test
    void decodingWithTheCacheEqualsRunningAllTokensAtOnce() throws Exception {
        try (Workers workers = Workers.of(2)) {
            Model model = TinyLlama.model(1, workers);
            int[] tokens = TinyLlama.tokens(80, 2);
            Rows all = new Session(model).logits(tokens);
            Session session = new Session(model);
            assertClose(session.prefill(Arrays.copyOf(tokens, 5)), all.row(4));
            for (int i = 5; i < tokens.length; i++) {
                assertClose(session.decode(tokens[i]), all.row(i));
            }
            assertThat(session.length()).isEqualTo(80);
        }
    }

    @Test
    void longPromptsRunInChunksWithTheSameResult() throws Exception {
        try (Workers workers = Workers.of(3)) {
            Model model = TinyLlama.model(1, workers);
            int[] tokens = TinyLlama.tokens(300, 3);
            float[] chunked = new Session(model).prefill(tokens);
            Session session = new Session(model);
            session.prefill(Arrays.copyOf(tokens, 100));
            assertClose(session.prefill(Arrays.copyOfRange(tokens, 100, 300)), chunked);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {16, 32})
    void whatFollowsAKeptPrefixIsWhatFollowedIt(int bits) throws Exception {
        try (Workers workers = Workers.of(2)) {
            Model model = TinyLlama.model(1, workers, KvScheme.of(bits));
            int[] tokens = TinyLlama.tokens(150, 4);
            Session session = new Session(model);
            Session fresh = new Session(model);
            session.prefill(tokens);
            session.truncate(70);
            fresh.prefill(Arrays.copyOf(tokens, 70));
            for (int i = 70; i < 140; i++) {
                assertClose(session.decode(tokens[i]), fresh.decode(tokens[i]));
            }
            float[] first = fresh.decode(tokens[140]).clone();
            fresh.truncate(140);
            assertThat(fresh.decode(tokens[140])).isEqualTo(first);
            assertThat(session.cacheBytes()).isEqualTo(fresh.cacheBytes());
        }
    }

    @Test
    void aCacheOfFloat16MovesTheLogitsLittleAndTakesHalfTheMemory() throws Exception {
        try (Workers workers = Workers.of(2)) {
            int[] tokens = TinyLlama.tokens(200, 5);
            Session floats = new Session(TinyLlama.model(1, workers));
            Session halves = new Session(TinyLlama.model(1, workers, KvScheme.HALF));
            float[] expected = floats.prefill(tokens);
            float[] actual = halves.prefill(tokens);
            assertThat(actual).isNotEqualTo(expected).containsExactly(expected, within(0.05f));
            assertThat(2 * halves.cacheBytes()).isEqualTo(floats.cacheBytes());
        }
    }

    @Test
    void aTokenOutsideTheVocabularyIsRefusedAndChangesNothing() throws Exception {
        try (Workers workers = Workers.of(1)) {
            Session session = new Session(TinyLlama.model(1, workers));
            session.prefill(new int[] {1, 2});
            assertThatThrownBy(() -> session.decode(96)).isInstanceOf(UsageException.class);
            assertThat(session.length()).isEqualTo(2);
        }
    }

    private static void assertClose(float[] actual, float[] expected) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < actual.length; i++) {
            assertThat(actual[i]).isCloseTo(expected[i], within(1e-4f));
        }
    }
}
