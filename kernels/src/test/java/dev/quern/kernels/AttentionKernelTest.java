package dev.quern.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AttentionKernelTest {
    private static final Workers ONE = Workers.of(1);
    private static final Workers THREE = Workers.of(3);
    private static final float GUARD = 12345.678f;

    @AfterAll
    static void close() {
        ONE.close();
        THREE.close();
    }

    @ParameterizedTest(name = "{0} heads on {1}, dim {2}, {4} tokens after {3}, window {5}")
    @CsvSource({
        "9, 3, 64, 0, 1, 0",
        "9, 3, 64, 0, 150, 0",
        "9, 3, 64, 130, 1, 0",
        "9, 3, 64, 130, 1, 65",
        "9, 3, 64, 63, 2, 0",
        "4, 4, 32, 0, 67, 0",
        "4, 1, 20, 3, 67, 10",
        "8, 2, 16, 200, 49, 1",
        "2, 1, 7, 64, 64, 64",
        "1, 1, 128, 0, 300, 100",
        "60, 1, 8, 70, 1, 0",
        "60, 1, 8, 70, 3, 5"
    })
    void equalsTheAttentionOfEachTokenInDouble(int heads, int kvHeads, int dim, int start, int tokens, int window) {
        KvLayer cache = cache(kvHeads, dim, start + tokens);
        int width = heads * dim;
        float[] q = SampleWeights.normal(tokens * width + 3, 2);
        float[] expected = new float[tokens * width];
        float scale = (float) (1 / Math.sqrt(dim));
        for (int t = 0; t < tokens; t++) {
            AttentionScalar.attend(q, 3 + t * width, start + t, heads, cache, scale, window, expected, t * width);
        }
        for (Workers workers : new Workers[] {ONE, THREE}) {
            float[] out = new float[tokens * width + 10];
            Arrays.fill(out, GUARD);
            AttentionKernel.attend(q, 3, tokens, start, heads, cache, scale, window, out, 5, workers);
            for (int i = 0; i < expected.length; i++) {
                assertThat(out[5 + i]).as("place %d", i).isCloseTo(expected[i], within(2e-5f));
            }
            assertThat(Arrays.copyOf(out, 5)).containsOnly(GUARD);
            assertThat(Arrays.copyOfRange(out, 5 + expected.length, out.length)).containsOnly(GUARD);
        }
    }

    @Test
    void aTokenSeesNothingBehindIt() {
        KvLayer cache = cache(1, 16, 100);
        float[] q = SampleWeights.normal(40 * 16, 2);
        float[] before = new float[q.length];
        AttentionKernel.attend(q, 0, 40, 30, 1, cache, 0.25f, 0, before, 0, ONE);
        cache.truncate(70);
        float[] huge = new float[30 * 16];
        Arrays.fill(huge, Float.NaN);
        cache.append(huge, 0, huge, 0, 30);
        float[] after = new float[q.length];
        AttentionKernel.attend(q, 0, 40, 30, 1, cache, 0.25f, 0, after, 0, ONE);
        assertThat(after).isEqualTo(before);
    }

    @Test
    void scoresFarApartNeitherOverflowNorVanish() {
        KvLayer cache = new KvLayer(1, 16);
        float[] k = new float[130 * 16];
        float[] v = new float[130 * 16];
        for (int p = 0; p < 130; p++) {
            k[p * 16] = p == 70 ? 1000 : -1000;
            v[p * 16] = p;
        }
        cache.append(k, 0, v, 0, 130);
        float[] q = new float[16];
        q[0] = 10;
        float[] out = new float[16];
        AttentionKernel.attend(q, 0, 1, 129, 1, cache, 1f, 0, out, 0, ONE);
        assertThat(out[0]).isEqualTo(70f);
    }

    @Test
    void truncatedPositionsAreWrittenAgain() {
        KvLayer cache = cache(2, 8, 70);
        long bytes = cache.bytes();
        cache.truncate(60);
        float[] row = SampleWeights.normal(16, 8);
        cache.append(row, 0, row, 0, 1);
        assertThat(cache.length()).isEqualTo(61);
        assertThat(cache.key(1, 60, 3)).isEqualTo(row[11]);
        assertThat(cache.value(1, 60, 3)).isEqualTo(row[11]);
        assertThat(cache.bytes()).isEqualTo(bytes);
    }

    @Test
    void whatDoesNotFitIsRefusedWithItsNumbers() {
        KvLayer cache = cache(2, 8, 4);
        float[] q = new float[3 * 8];
        assertThatThrownBy(() -> AttentionKernel.attend(q, 0, 1, 0, 3, cache, 1f, 0, q, 0, ONE))
                .hasMessageContaining("3 query heads do not divide among 2 kv heads");
        assertThatThrownBy(() -> AttentionKernel.attend(q, 0, 1, 4, 2, cache, 1f, 0, q, 0, ONE))
                .hasMessageContaining("the cache holds 4 positions");
    }

    private static KvLayer cache(int kvHeads, int dim, int positions) {
        KvLayer cache = new KvLayer(kvHeads, dim);
        int width = kvHeads * dim;
        float[] k = SampleWeights.normal(positions * width, 5);
        float[] v = SampleWeights.normal(positions * width, 6);
        int first = positions / 3;
        cache.append(k, 0, v, 0, first);
        cache.append(k, first * width, v, first * width, positions - first);
        return cache;
    }
}
