package dev.quern.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.quern.core.KvScheme;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KvCodesTest {
    private static final Workers THREE = Workers.of(3);

    @AfterAll
    static void close() {
        THREE.close();
    }

    @ParameterizedTest
    @CsvSource({"8, 64, 64, 4", "4, 64, 64, 4", "2, 32, 64, 4", "4, 32, 24, 0", "2, 64, 20, 31", "8, 32, 128, 0"})
    void codesAreWithinHalfAStepAndTheFirstPositionsAreExact(int bits, int group, int dim, int first) {
        KvScheme scheme = new KvScheme(bits, group, 0, first);
        KvLayer floats = cache(2, dim, 200, KvScheme.FLOAT);
        KvLayer codes = cache(2, dim, 200, scheme);
        codes.close(3);
        for (int h = 0; h < 2; h++) {
            for (int p = 0; p < 192; p++) {
                for (int d = 0; d < dim; d++) {
                    if (p < first) {
                        assertThat(codes.key(h, p, d)).isEqualTo(floats.key(h, p, d));
                        assertThat(codes.value(h, p, d)).isEqualTo(floats.value(h, p, d));
                    } else {
                        double keyStep = keyRange(floats, scheme, h, p, d) / scheme.qmax();
                        double valueStep = valueRange(floats, scheme, h, p, d) / scheme.qmax();
                        assertThat(Math.abs(codes.key(h, p, d) - floats.key(h, p, d)))
                                .isLessThan((float) (0.51 * keyStep + 0.004));
                        assertThat(Math.abs(codes.value(h, p, d) - floats.value(h, p, d)))
                                .isLessThan((float) (0.51 * valueStep + 0.004));
                    }
                }
            }
        }
        assertThat(codes.key(1, 195, 3)).isEqualTo(floats.key(1, 195, 3));
    }

    @ParameterizedTest
    @CsvSource({"8, 4, 64, 1", "4, 9, 64, 50", "2, 4, 20, 7", "4, 2, 24, 1"})
    void attentionReadsWhatTheCodesStandFor(int bits, int heads, int dim, int tokens) {
        int kvHeads = heads % 3 == 0 ? 3 : 2;
        KvLayer cache = cache(kvHeads, dim, 200, KvScheme.of(bits));
        cache.close(2);
        int width = heads * dim;
        float[] q = SampleWeights.normal(tokens * width, 2);
        float[] out = new float[q.length];
        float[] expected = new float[q.length];
        int start = 200 - tokens;
        float scale = (float) (1 / Math.sqrt(dim));
        AttentionKernel.attend(q, 0, tokens, start, heads, cache, scale, 0, out, 0, THREE);
        for (int t = 0; t < tokens; t++) {
            AttentionScalar.attend(q, t * width, start + t, heads, cache, scale, 0, expected, t * width);
        }
        assertThat(out).containsExactly(expected, within(2e-5f));
    }

    @ParameterizedTest
    @CsvSource({"8, 64, 64", "4, 64, 64", "2, 32, 64", "8, 32, 20", "4, 32, 24", "2, 64, 20", "4, 64, 72", "2, 32, 7"})
    void blocksUnpackToWhatEachCodeStandsFor(int bits, int group, int dim) {
        KvLayer cache = cache(2, dim, 128, new KvScheme(bits, group, 0, 4));
        cache.close(2);
        int stride = cache.valueStride();
        float[] keys = new float[dim * 64 + 1];
        float[] values = new float[64 * stride + 1];
        for (int block = 0; block < 2; block++) {
            java.util.Arrays.fill(values, Float.NaN);
            cache.block(block).unpackKeys(1, keys, 1);
            cache.block(block).unpackValues(1, values, 1);
            for (int p = 0; p < 64; p++) {
                for (int d = 0; d < stride; d++) {
                    int position = block * 64 + p;
                    assertThat(values[1 + p * stride + d]).isEqualTo(d < dim ? cache.value(1, position, d) : 0);
                    if (d < dim) {
                        assertThat(keys[1 + d * 64 + p]).isEqualTo(cache.key(1, position, d));
                    }
                }
            }
        }
    }

    @Test
    void memoryFallsWithTheWidth() {
        long[] bytes = new long[3];
        for (int i = 0; i < 3; i++) {
            KvLayer cache = cache(3, 64, 1024, KvScheme.of(8 >> i));
            cache.close(16);
            bytes[i] = cache.bytes();
        }
        long floats = cache(3, 64, 1024, KvScheme.FLOAT).bytes();
        // with F16 grids: 8.5, 4.5 and 3 bits a value, and 4 positions of floats
        assertThat((double) bytes[0] / floats).isLessThan(0.28);
        assertThat((double) bytes[1] / floats).isLessThan(0.15);
        assertThat((double) bytes[2] / floats).isLessThan(0.11);
    }

    @Test
    void truncationInsideABlockOfCodesOpensItAgain() {
        KvLayer cache = cache(2, 24, 200, KvScheme.of(4));
        cache.close(3);
        float key = cache.key(1, 70, 5);
        float value = cache.value(1, 70, 5);
        cache.truncate(100);
        assertThat(cache.closed(0)).isTrue();
        assertThat(cache.closed(1)).isFalse();
        assertThat(cache.key(1, 70, 5)).isEqualTo(key);
        assertThat(cache.value(1, 70, 5)).isEqualTo(value);
        float[] row = SampleWeights.normal(48, 9);
        cache.append(row, 0, row, 0, 1);
        assertThat(cache.key(1, 100, 3)).isEqualTo(row[27]);
    }

    @Test
    void equalValuesTakeTheCodeOfTheirMinimum() {
        KvLayer cache = new KvLayer(1, 16, KvScheme.of(2));
        float[] ones = new float[64 * 16];
        java.util.Arrays.fill(ones, 1.5f);
        cache.append(ones, 0, ones, 0, 64);
        cache.close(1);
        assertThat(cache.key(0, 40, 3)).isEqualTo(1.5f);
        assertThat(cache.value(0, 40, 3)).isEqualTo(1.5f);
    }

    @Test
    void blocksThatAreNotFullStayOpen() {
        KvLayer cache = cache(1, 16, 100, KvScheme.of(4));
        assertThatThrownBy(() -> cache.close(2)).isInstanceOf(IllegalArgumentException.class);
    }

    private static double keyRange(KvLayer floats, KvScheme scheme, int h, int p, int d) {
        double min = Double.POSITIVE_INFINITY;
        double max = Double.NEGATIVE_INFINITY;
        int from = p / scheme.groupSize() * scheme.groupSize();
        for (int i = Math.max(scheme.first(), from); i < from + scheme.groupSize(); i++) {
            min = Math.min(min, floats.key(h, i, d));
            max = Math.max(max, floats.key(h, i, d));
        }
        return max - min;
    }

    private static double valueRange(KvLayer floats, KvScheme scheme, int h, int p, int d) {
        double min = Double.POSITIVE_INFINITY;
        double max = Double.NEGATIVE_INFINITY;
        int from = d / scheme.groupSize() * scheme.groupSize();
        for (int i = from; i < Math.min(floats.headDim(), from + scheme.groupSize()); i++) {
            min = Math.min(min, floats.value(h, p, i));
            max = Math.max(max, floats.value(h, p, i));
        }
        return max - min;
    }

    private static KvLayer cache(int kvHeads, int dim, int positions, KvScheme scheme) {
        KvLayer cache = new KvLayer(kvHeads, dim, scheme);
        int width = kvHeads * dim;
        float[] k = SampleWeights.normal(positions * width, 5);
        for (int i = 0; i < width; i++) {
            k[i] *= 30;
        }
        cache.append(k, 0, SampleWeights.normal(positions * width, 6), 0, positions);
        return cache;
    }
}
