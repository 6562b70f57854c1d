package dev.quern.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.quern.core.KvScheme;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/// A cache of float16 holds the nearest finite numbers, and attention reads them exactly, in Java and with every set of
/// instructions.
class KvHalvesTest {
    private static final Workers THREE = Workers.of(3);
    private static final float GUARD = 12345.678f;

    @AfterAll
    static void close() {
        THREE.close();
    }

    /// Java's way, and machine code's where this machine has it.
    static Stream<Optional<MachineCode.Isa>> ways() {
        List<Optional<MachineCode.Isa>> ways = new ArrayList<>(List.of(Optional.empty()));
        codes().map(Optional::of).forEach(ways::add);
        return ways.stream();
    }

    static Stream<MachineCode.Isa> codes() {
        return MachineCode.isa().isEmpty()
                ? Stream.empty()
                : Arrays.stream(MachineCode.Isa.values()).filter(isa -> isa.runsOn(MachineCode.Cpu.read()));
    }

    @ParameterizedTest
    @CsvSource({
        "1.0003, 1",
        "1.0005, 1.0009765625",
        "1.00048828125, 1",
        "-3.14159, -3.140625",
        "1e-7, 1.1920929e-7",
        "6.1e-5, 6.0975552e-5",
        "2e-8, 0",
        "65519, 65504",
        "65520, 65504",
        "1e30, 65504",
        "-1e30, -65504",
        "Infinity, 65504",
        "-Infinity, -65504",
        "NaN, NaN"
    })
    void aNumberBecomesTheNearestFiniteOne(float number, Float held) {
        KvLayer cache = new KvLayer(1, 2, KvScheme.HALF);
        cache.append(new float[] {0, number}, 0, new float[] {number, 0}, 0, 1);
        assertThat(cache.key(0, 0, 1)).isEqualTo(held);
        assertThat(cache.value(0, 0, 0)).isEqualTo(held);
    }

    @ParameterizedTest
    @MethodSource("ways")
    void everyFiniteNumberIsReadAsItIs(Optional<MachineCode.Isa> isa) {
        float[] all = new float[1 << 16];
        for (int i = 0; i < all.length; i++) {
            float number = Float.float16ToFloat((short) i);
            all[i] = Float.isFinite(number) ? number : 0;
        }
        KvLayer cache = new KvLayer(1, 64, KvScheme.HALF, isa);
        cache.append(new float[all.length], 0, all, 0, 1024);
        float[] out = new float[all.length];
        // a window of one position: its weight is 1
        AttentionKernel.attend(new float[all.length], 0, 1024, 0, 1, cache, 1, 1, out, 0, THREE);
        for (int i = 0; i < all.length; i++) {
            assertThat(out[i]).as("%x", i).isEqualTo(all[i] + 0f);
        }
    }

    @ParameterizedTest(allowZeroInvocations = true)
    @MethodSource("codes")
    void aScoreOfOneFeatureIsItsKey(MachineCode.Isa isa) {
        KvShape shape = new KvShape(2, 20);
        KvHalves block = new KvHalves(shape);
        for (int p = 0; p < 64; p++) {
            for (int h = 0; h < 2; h++) {
                block.set(h, p, SampleWeights.normal(20, 100 * h + p), 0, new float[20], 0);
            }
        }
        HalfAttention products = HalfAttention.of(shape, Optional.of(isa)).orElseThrow();
        for (int rows = 1; rows <= 20; rows++) {
            float[] queries = new float[rows * 20];
            for (int r = 0; r < rows; r++) {
                queries[r * 20 + r] = 1;
            }
            float[] scores = new float[rows * 64 + 1];
            scores[rows * 64] = GUARD;
            products.score(MemorySegment.ofArray(queries), rows, block, 1, MemorySegment.ofArray(scores));
            for (int r = 0; r < rows; r++) {
                for (int p = 0; p < 64; p++) {
                    assertThat(scores[r * 64 + p]).isEqualTo(block.key(1, p, r));
                }
            }
            assertThat(scores[rows * 64]).isEqualTo(GUARD);
        }
    }

    static Stream<Case> cases() {
        return ways().flatMap(isa -> Stream.of(
                new Case(isa, 9, 3, 64, 0, 1, 0),
                new Case(isa, 9, 3, 64, 0, 150, 0),
                new Case(isa, 9, 3, 64, 130, 1, 65),
                new Case(isa, 9, 3, 64, 63, 2, 0),
                new Case(isa, 4, 4, 32, 0, 67, 0),
                new Case(isa, 4, 1, 20, 3, 67, 10),
                new Case(isa, 14, 2, 80, 200, 49, 1),
                new Case(isa, 2, 1, 7, 64, 64, 64),
                new Case(isa, 1, 1, 256, 0, 300, 100),
                new Case(isa, 60, 1, 8, 70, 1, 0),
                new Case(isa, 60, 1, 8, 70, 3, 5)));
    }

    record Case(Optional<MachineCode.Isa> isa, int heads, int kvHeads, int dim, int start, int tokens, int window) {}

    /// The sums are those of floats, in their order, so nothing is left to a tolerance.
    @ParameterizedTest
    @MethodSource("cases")
    void attentionIsThatOfFloatsOfTheSameNumbers(Case c) {
        int positions = c.start + c.tokens;
        KvLayer halves = filled(new KvLayer(c.kvHeads, c.dim, KvScheme.HALF, c.isa), positions);
        KvLayer floats = rounded(halves);
        int width = c.heads * c.dim;
        float[] q = SampleWeights.normal(c.tokens * width + 3, 2);
        float[] out = new float[c.tokens * width + 10];
        float[] expected = new float[out.length];
        Arrays.fill(out, GUARD);
        Arrays.fill(expected, GUARD);
        float scale = (float) (1 / Math.sqrt(c.dim));
        AttentionKernel.attend(q, 3, c.tokens, c.start, c.heads, halves, scale, c.window, out, 5, THREE);
        AttentionKernel.attend(q, 3, c.tokens, c.start, c.heads, floats, scale, c.window, expected, 5, THREE);
        assertThat(Arrays.equals(out, expected)).isTrue();
        float[] oracle = new float[c.tokens * width];
        for (int t = 0; t < c.tokens; t++) {
            AttentionScalar.attend(q, 3 + t * width, c.start + t, c.heads, halves, scale, c.window, oracle, t * width);
        }
        assertThat(Arrays.copyOfRange(out, 5, 5 + oracle.length)).containsExactly(oracle, within(2e-5f));
    }

    @ParameterizedTest
    @MethodSource("ways")
    void whatIsNoNumberComesOut(Optional<MachineCode.Isa> isa) {
        KvLayer cache = filled(new KvLayer(1, 16, KvScheme.HALF, isa), 70);
        float[] v = new float[16];
        v[3] = Float.NaN;
        cache.append(new float[16], 0, v, 0, 1);
        float[] out = new float[32];
        AttentionKernel.attend(new float[32], 0, 1, 70, 2, cache, 1, 0, out, 0, THREE);
        assertThat(out[3]).isNaN();
        assertThat(out[2]).isFinite();
    }

    @Test
    void halfOfTheMemoryIsTakenAndKeptForWhatFollows() {
        KvLayer halves = filled(new KvLayer(2, 24, KvScheme.HALF), 200);
        long bytes = halves.bytes();
        assertThat(2 * bytes).isEqualTo(filled(new KvLayer(2, 24), 200).bytes());
        halves.truncate(70);
        float before = halves.key(1, 69, 5);
        float[] row = SampleWeights.normal(48, 9);
        halves.append(row, 0, row, 0, 1);
        assertThat(halves.length()).isEqualTo(71);
        assertThat(halves.bytes()).isEqualTo(bytes);
        assertThat(halves.key(1, 69, 5)).isEqualTo(before);
        assertThat(halves.key(1, 70, 3)).isEqualTo(row[27], within(1e-3f));
        assertThat(halves.value(0, 70, 3)).isEqualTo(row[3], within(1e-3f));
        assertThatThrownBy(() -> halves.close(1)).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest(allowZeroInvocations = true)
    @MethodSource("codes")
    void nothingIsReadOrWrittenOutsideItsArrays(MachineCode.Isa isa) {
        HalfProduct product = new HalfProduct(isa, 64, 10, 64, false);
        MemorySegment a = MemorySegment.ofArray(new float[20]);
        MemorySegment b = MemorySegment.ofArray(new short[640]);
        MemorySegment c = MemorySegment.ofArray(new float[128]);
        product.multiply(a, 2, b, 0, 10, c);
        assertThatThrownBy(() -> product.multiply(a, 3, b, 0, 10, c)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> product.multiply(a, 2, b, 1, 10, c)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> product.multiply(a, 2, b, -1, 1, c)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> product.multiply(a, 2, b, 0, 0, c)).isInstanceOf(IllegalArgumentException.class);
        MemorySegment small = MemorySegment.ofArray(new float[127]);
        assertThatThrownBy(() -> product.multiply(a, 2, b, 0, 10, small)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    private static KvLayer filled(KvLayer cache, int positions) {
        int width = cache.nKvHeads() * cache.headDim();
        int first = positions / 3;
        float[] k = SampleWeights.normal(positions * width, 5);
        float[] v = SampleWeights.normal(positions * width, 6);
        cache.append(k, 0, v, 0, first);
        cache.append(k, first * width, v, first * width, positions - first);
        return cache;
    }

    /// Floats of what `halves` holds.
    private static KvLayer rounded(KvLayer halves) {
        KvLayer floats = new KvLayer(halves.nKvHeads(), halves.headDim());
        int dim = halves.headDim();
        float[] k = new float[halves.nKvHeads() * dim];
        float[] v = new float[k.length];
        for (int p = 0; p < halves.length(); p++) {
            for (int i = 0; i < k.length; i++) {
                k[i] = halves.key(i / dim, p, i % dim);
                v[i] = halves.value(i / dim, p, i % dim);
            }
            floats.append(k, 0, v, 0, 1);
        }
        return floats;
    }
}
