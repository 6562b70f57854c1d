package dev.quern.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SamplerTest {
    private static final float[] LOGITS = logits();

    @Test
    void equalSeedsGiveEqualTokensAndOthersDiffer() {
        SamplerOptions options = new SamplerOptions(1, 40, 0.95, 0.01, 1.1, 7);
        assertThat(draw(options)).isEqualTo(draw(options));
        assertThat(draw(options)).isNotEqualTo(draw(new SamplerOptions(1, 40, 0.95, 0.01, 1.1, 8)));
    }

    @Test
    void temperatureZeroOrOneCandidateIsTheLikeliest() {
        int best = Sampler.largest(LOGITS);
        assertThat(draw(SamplerOptions.GREEDY)).containsOnly(best);
        assertThat(draw(new SamplerOptions(1, 1, 1, 0, 1, 3))).containsOnly(best);
        assertThat(draw(new SamplerOptions(1, 0, 1e-9, 0, 1, 3))).containsOnly(best);
        assertThat(draw(new SamplerOptions(1, 0, 1, 1, 1, 3))).containsOnly(best);
    }

    @Test
    void topKOfTheWholeVocabularyChangesNothing() {
        assertThat(draw(new SamplerOptions(1, LOGITS.length - 1, 1, 0, 1, 3)))
                .isEqualTo(draw(new SamplerOptions(1, 0, 1, 0, 1, 3)));
    }

    @Test
    void theRepeatPenaltyPassesOverWhatWasJustSaid() {
        Sampler sampler = new Sampler(new SamplerOptions(0, 0, 1, 0, 2, 0));
        assertThat(sampler.sample(new float[] {3, 2, -1}, new int[] {0, 0}, 2)).isEqualTo(1);
        assertThat(sampler.sample(new float[] {-1, -1.5f}, new int[] {0}, 1)).isEqualTo(1);
    }

    private static int[] draw(SamplerOptions options) {
        Sampler sampler = new Sampler(options);
        return IntStream.range(0, 50)
                .map(_ -> sampler.sample(LOGITS, new int[0], 0))
                .toArray();
    }

    private static float[] logits() {
        Random random = new Random(5);
        float[] logits = new float[200];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) random.nextGaussian();
        }
        logits[199] = -40;
        return logits;
    }
}
