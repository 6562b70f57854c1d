package dev.quern.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LogSumExpTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 3, 16, 17, 100, 1024, 49152, 151_936})
    void equalsTheSumInDouble(int n) {
        float[] x = logits(n, 1, 6);
        assertThat(LogSumExp.of(x, 2, n)).isCloseTo(LogSumExpScalar.of(x, 2, n), within(1e-6));
        float[] flat = logits(n, 2, 0);
        assertThat(LogSumExp.of(flat, 2, n)).isCloseTo(Math.log(n), within(1e-6));
        x[n / 2 + 2] = Float.NaN;
        assertThat(LogSumExp.of(x, 2, n)).isNaN();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 17, 100, 1024, 49152})
    void theDivergenceEqualsTheOneInDouble(int n) {
        float[] p = logits(n, 3, 6);
        double pSum = LogSumExpScalar.of(p, 2, n);
        for (float noise : new float[] {2f, 0.01f}) {
            float[] q = logits(n, 4, noise);
            for (int i = 0; i < q.length; i++) {
                q[i] += p[i] + 3;
            }
            double qSum = LogSumExpScalar.of(q, 2, n);
            double expected = LogSumExpScalar.divergence(p, 2, pSum, q, 2, qSum, n);
            assertThat(LogSumExp.divergence(p, 2, pSum, q, 2, qSum, n)).isCloseTo(expected, within(2e-6));
        }
        assertThat(LogSumExp.divergence(p, 2, pSum, p.clone(), 2, pSum, n)).isZero();
    }

    private static float[] logits(int n, long seed, float spread) {
        Random random = new Random(seed);
        float[] x = new float[n + 5];
        for (int i = 0; i < x.length; i++) {
            x[i] = (float) random.nextGaussian() * spread;
        }
        // outside the row: would show in any sum
        x[0] = x[1] = x[n + 2] = 1000;
        return x;
    }
}
