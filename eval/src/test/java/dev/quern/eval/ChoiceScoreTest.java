package dev.quern.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.quern.core.Progress;
import dev.quern.eval.ChoiceScore.Continuation;
import dev.quern.kernels.Workers;
import dev.quern.runtime.LogitVisitor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ChoiceScoreTest {
    /// One token per character, by its code.
    private static int[] encode(String text) {
        return text.chars().toArray();
    }

    /// Likes `a` with logit 2 and everything else alike, whatever came before.
    private static final LogitModel LIKES_A = new LogitModel() {
        @Override
        public int vocabSize() {
            return 128;
        }

        @Override
        public void logits(int[] tokens, int from, LogitVisitor visitor) {
            float[] logits = new float[128];
            logits['a'] = 2;
            for (int i = from; i < tokens.length; i++) {
                visitor.visit(i, logits, 0);
            }
        }
    };

    @Test
    void accTakesTheSumAndAccNormTheMeanOverCharacters() {
        double total = Math.log(127 + Math.exp(2));
        List<ChoiceQuestion> questions = List.of(
                // sums: " b" = −2·total, " aaaa" = 8 − 5·total: the short one wins, the other by character
                new ChoiceQuestion("q", List.of("b", "aaaa"), 0), new ChoiceQuestion("q", List.of("b", "aaaa"), 1));
        ChoiceScore score =
                ChoiceScore.of("test", LIKES_A, ChoiceScoreTest::encode, questions.subList(0, 1), 100, Progress.NONE);
        assertThat(score.acc()).isEqualTo(1);
        assertThat(-2 * total).isGreaterThan(8 - 5 * total);
        assertThat(score.accNorm()).isEqualTo(0);
        ChoiceScore both = ChoiceScore.of("test", LIKES_A, ChoiceScoreTest::encode, questions, 100, Progress.NONE);
        assertThat(both.acc()).isEqualTo(0.5);
        assertThat(both.accNorm()).isEqualTo(0.5);
        assertThat(both.standardError()).isCloseTo(0.5, within(1e-12));
        assertThat(both.n()).isEqualTo(2);
    }

    @Test
    void theLikelihoodIsThatOfTheContinuationAlone() {
        Continuation continuation = Continuation.of(ChoiceScoreTest::encode, "xyz", " ab", 100);
        assertThat(continuation.from()).isEqualTo(3);
        assertThat(continuation.logLikelihood(LIKES_A)).isCloseTo(2 - 3 * Math.log(127 + Math.exp(2)), within(1e-5));
    }

    @Test
    void spacesAtTheContextsEndBelongToTheContinuation() {
        Continuation continuation = Continuation.of(ChoiceScoreTest::encode, "xy  ", "a", 100);
        assertThat(continuation.tokens()).isEqualTo(encode("xy  a"));
        assertThat(continuation.from()).isEqualTo(2);
    }

    @Test
    void longTextsLoseTheirBeginning() {
        Continuation continuation = Continuation.of(ChoiceScoreTest::encode, "abcdefgh", " x", 5);
        assertThat(continuation.tokens()).isEqualTo(encode("efgh x"));
        assertThat(continuation.from()).isEqualTo(4);
    }

    @Test
    void aSharedBeginningInTheCacheChangesNoLogits() throws Exception {
        try (Workers workers = Workers.of(2)) {
            var model = TinyLlama.model(1, workers);
            LogitModel kept = LogitModel.of(model);
            int[] first = TinyLlama.tokens(40, 5);
            int[] second = first.clone();
            second[30] = (second[30] + 1) % TinyLlama.VOCAB;
            for (int[] tokens : List.of(first, second, first)) {
                List<float[]> fresh = logits(LogitModel.of(model), tokens, 25);
                List<float[]> shared = logits(kept, tokens, 25);
                assertThat(shared).hasSameSizeAs(fresh).hasSize(15);
                for (int i = 0; i < fresh.size(); i++) {
                    assertThat(shared.get(i)).containsExactly(fresh.get(i), within(1e-4f));
                }
            }
        }
    }

    private static List<float[]> logits(LogitModel model, int[] tokens, int from) {
        List<float[]> rows = new ArrayList<>();
        model.logits(tokens, from, (at, data, offset) -> {
            assertThat(at).isEqualTo(from + rows.size());
            rows.add(java.util.Arrays.copyOfRange(data, offset, offset + model.vocabSize()));
        });
        return rows;
    }
}
