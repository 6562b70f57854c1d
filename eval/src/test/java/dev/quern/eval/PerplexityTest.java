package dev.quern.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.quern.core.Progress;
import dev.quern.kernels.Workers;
import dev.quern.runtime.LogitVisitor;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class PerplexityTest {
    @Test
    void uniformLogitsHaveThePerplexityOfTheVocabulary() {
        LogitModel uniform = new LogitModel() {
            @Override
            public int vocabSize() {
                return 50;
            }

            @Override
            public void logits(int[] tokens, int from, LogitVisitor visitor) {
                for (int i = from; i < tokens.length; i++) {
                    visitor.visit(i, new float[50], 0);
                }
            }
        };
        Perplexity paper = Perplexity.of(uniform, new int[105], Windows.paper(20), 0, Progress.NONE);
        assertThat(paper.value()).isCloseTo(50, within(1e-9));
        assertThat(paper.tokens()).isEqualTo(5 * 19);
        Perplexity llama =
                Perplexity.of(uniform, new int[105], Windows.llamaCpp(20, OptionalInt.of(1)), 3, Progress.NONE);
        assertThat(llama.value()).isCloseTo(50, within(1e-9));
        assertThat(llama.tokens()).isEqualTo(3 * 9);
    }

    @Test
    void aModelDoesNotDivergeFromItselfAndDoesFromAnother() throws Exception {
        try (Workers workers = Workers.of(2)) {
            int[] tokens = TinyLlama.tokens(100, 4);
            LogitModel a = LogitModel.of(TinyLlama.model(1, workers));
            LogitModel b = LogitModel.of(TinyLlama.model(2, workers));
            Divergence same = Divergence.of(a, a, tokens, Windows.paper(32), 0, Progress.NONE);
            assertThat(same.meanKl()).isZero();
            assertThat(same.top1Agreement()).isEqualTo(1);
            Divergence other = Divergence.of(b, a, tokens, Windows.paper(32), 0, Progress.NONE);
            assertThat(other.meanKl()).isPositive();
            assertThat(other.referencePerplexity())
                    .isCloseTo(
                            Perplexity.of(a, tokens, Windows.paper(32), 0, Progress.NONE)
                                    .value(),
                            within(1e-9));
        }
    }
}
