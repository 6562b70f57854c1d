package dev.quern.methods;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Objects;
import org.junit.jupiter.api.Test;

final class HessianSumTest {
    private static final int SIZE = 150;
    private static final int TOKENS = 400;

    private final float[] x = Seeded.inputs(TOKENS, SIZE, 1);
    private final float[] exact = Seeded.inputs(TOKENS, SIZE, 2);

    @Test
    void momentsAreTheMeansOfTheProducts() {
        Hessian hessian = sum(Parallel.SERIAL, TOKENS);
        double[] drift = Objects.requireNonNull(hessian.drift());
        assertThat(hessian.tokens()).isEqualTo(TOKENS);
        for (int i = 0; i < SIZE; i++) {
            for (int j = 0; j < SIZE; j++) {
                double h = 0;
                double d = 0;
                double scale = 0;
                for (int t = 0; t < TOKENS; t++) {
                    double a = x[t * SIZE + i];
                    double b = x[t * SIZE + j];
                    h += a * b;
                    d += (exact[t * SIZE + i] - a) * b;
                    scale += Math.abs(a * b) + Math.abs(exact[t * SIZE + i] * b);
                }
                assertThat(hessian.h()[i * SIZE + j] * TOKENS).isCloseTo(h, within(1e-5 * scale));
                assertThat(drift[i * SIZE + j] * TOKENS).isCloseTo(d, within(1e-5 * scale));
                assertThat(hessian.h()[i * SIZE + j]).isEqualTo(hessian.h()[j * SIZE + i]);
            }
        }
    }

    @Test
    void sumsDoNotDependOnTheNumberOfThreads() {
        Hessian serial = sum(Parallel.SERIAL, 128);
        Hessian scattered = sum(Seeded.SCATTERED, 128);
        assertThat(scattered.h()).isEqualTo(serial.h());
        assertThat(scattered.drift()).isEqualTo(serial.drift());
    }

    @Test
    void rowsThatAreNotFiniteAreLeftOut() {
        float[] spoilt = x.clone();
        float[] beside = exact.clone();
        spoilt[5 * SIZE + 1] = Float.NaN;
        beside[7 * SIZE] = Float.NEGATIVE_INFINITY;
        HessianSum sum = new HessianSum(SIZE, true, Parallel.SERIAL);
        sum.add(spoilt, beside, TOKENS);
        Hessian hessian = sum.finish();
        assertThat(hessian.dropped()).isEqualTo(2);
        assertThat(hessian.tokens()).isEqualTo(TOKENS - 2);
        assertThat(hessian.h()).doesNotContain(Double.NaN);
    }

    @Test
    void theFactorsProductIsTheMatrix() {
        double[] h = Seeded.hessian(SIZE, 3).h();
        for (int i = 0; i < SIZE; i++) {
            h[i * SIZE + i] += 0.1;
        }
        double[] r = UpperFactor.of(h, SIZE, Seeded.SCATTERED).orElseThrow().r();
        for (int i = 0; i < SIZE; i++) {
            for (int j = 0; j < SIZE; j++) {
                double product = 0;
                for (int k = Math.max(i, j); k < SIZE; k++) {
                    product += r[i * SIZE + k] * r[j * SIZE + k];
                }
                assertThat(product).isCloseTo(h[i * SIZE + j], within(1e-10));
                assertThat(i <= j || r[i * SIZE + j] == 0).isTrue();
            }
        }
    }

    @Test
    void aMatrixThatIsNotPositiveDefiniteHasNoFactor() {
        double[] h = Hessian.identity(SIZE).h();
        h[3 * SIZE + 3] = -1;
        assertThat(UpperFactor.of(h, SIZE, Parallel.SERIAL)).isEmpty();
        h[3 * SIZE + 3] = Double.NaN;
        assertThat(UpperFactor.of(h, SIZE, Parallel.SERIAL)).isEmpty();
    }

    private Hessian sum(Parallel parallel, int chunk) {
        HessianSum sum = new HessianSum(SIZE, true, parallel);
        for (int from = 0; from < TOKENS; from += chunk) {
            int to = Math.min(TOKENS, from + chunk);
            sum.add(
                    Arrays.copyOfRange(x, from * SIZE, to * SIZE),
                    Arrays.copyOfRange(exact, from * SIZE, to * SIZE),
                    to - from);
        }
        return sum.finish();
    }
}
