package dev.quern.methods;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.quern.core.QuantScheme;
import java.util.Arrays;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The column loop against the paper's algorithm, written out here with an explicit inverse.
final class ColumnLoopTest {
    private static final int ROWS = 12;
    private static final int COLS = 96;

    private final float[] weight = Seeded.floats(ROWS * COLS, 0.05, 41);
    private final Hessian hessian = Seeded.hessian(COLS, 42);

    private static double[] wide(float[] values) {
        double[] wide = new double[values.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = values[i];
        }
        return wide;
    }

    private Grid grid(int bits) {
        return GridSearch.fit(
                weight, ROWS, COLS, new QuantScheme(bits, 32, false), Range.MIN_MAX, null, Parallel.SERIAL);
    }

    private ColumnLoop loop(int bits, boolean actOrder, int blockSize) {
        Damping damping = Damping.of(hessian, 0.01, actOrder, Parallel.SERIAL).orElseThrow();
        ColumnLoop loop = new ColumnLoop(wide(weight), grid(bits), damping, blockSize);
        loop.run(Parallel.SERIAL);
        return loop;
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void codesAreThoseOfThePapersAlgorithm(boolean actOrder) {
        Damping damping = Damping.of(hessian, 0.01, actOrder, Parallel.SERIAL).orElseThrow();
        assertThat(loop(3, actOrder, 128).codes()).isEqualTo(paper(wide(weight), damping, grid(3)));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 96})
    void theBlockSizeChangesNothing(int blockSize) {
        assertThat(loop(4, true, blockSize).codes())
                .isEqualTo(loop(4, true, 128).codes());
    }

    @Test
    void theLossesAreThoseOfTheStoredWeightsUnderTheDampedHessian() {
        Damping damping = Damping.of(hessian, 0.01, true, Parallel.SERIAL).orElseThrow();
        ColumnLoop loop = loop(3, true, 32);
        Grid grid = grid(3);
        float[] stored = new float[weight.length];
        for (int i = 0; i < stored.length; i++) {
            stored[i] = grid.value(i / COLS, i % COLS / 32, Byte.toUnsignedInt(loop.codes()[i]));
        }
        double direct = Seeded.loss(weight, stored, damping.h(), COLS);
        assertThat(Arrays.stream(loop.losses()).sum()).isCloseTo(direct, within(1e-9 * direct));
    }

    @Property(tries = 20)
    void noChoiceOfCodesLosesLessThanTheBestAndGptqIsAChoice(
            @ForAll long seed, @ForAll @IntRange(min = 2, max = 6) int cols) {
        Hessian small = Seeded.hessian(cols, seed);
        Damping damping = Damping.of(small, 0.01, true, Parallel.SERIAL).orElseThrow();
        float[] w = Seeded.floats(cols, 0.1, seed + 1);
        Grid grid = GridSearch.fit(w, 1, cols, new QuantScheme(2, 0, false), Range.MIN_MAX, null, Parallel.SERIAL);
        double best = Double.POSITIVE_INFINITY;
        float[] tried = new float[cols];
        for (int choice = 0; choice < 1 << 2 * cols; choice++) {
            for (int i = 0; i < cols; i++) {
                tried[i] = grid.value(0, 0, choice >> 2 * i & 3);
            }
            best = Math.min(best, Seeded.loss(w, tried, damping.h(), cols));
        }
        ColumnLoop loop = new ColumnLoop(wide(w), grid, damping, 128);
        loop.run(Parallel.SERIAL);
        double[] refined = new double[1];
        new Refinement(damping.h(), wide(w), loop.codes().clone(), grid, refined).run(0, Parallel.SERIAL);
        assertThat(loop.losses()[0]).isGreaterThanOrEqualTo(best * (1 - 1e-9));
        assertThat(refined[0]).isCloseTo(loop.losses()[0], within(1e-9 * loop.losses()[0] + 1e-30));
        assertThat(greedy(w, damping.h(), grid)).isGreaterThanOrEqualTo(best * (1 - 1e-9));
    }

    @Test
    void refinementNeverRaisesALossAndReportsTheTrueOne() {
        Damping damping = Damping.of(hessian, 0.01, true, Parallel.SERIAL).orElseThrow();
        Grid grid = grid(3);
        ColumnLoop loop = new ColumnLoop(wide(weight), grid, damping, 128);
        loop.run(Parallel.SERIAL);
        byte[] codes = loop.codes();
        double[] losses = new double[ROWS];
        double before = Arrays.stream(loop.losses()).sum();
        for (int rounds = 1; rounds <= 3; rounds++) {
            new Refinement(damping.h(), wide(weight), codes, grid, losses).run(1, Parallel.SERIAL);
            double now = Arrays.stream(losses).sum();
            assertThat(now).isLessThanOrEqualTo(before * (1 + 1e-12));
            float[] stored = new float[weight.length];
            for (int i = 0; i < stored.length; i++) {
                stored[i] = grid.value(i / COLS, i % COLS / 32, Byte.toUnsignedInt(codes[i]));
            }
            double direct = Seeded.loss(weight, stored, damping.h(), COLS);
            assertThat(now).isCloseTo(direct, within(1e-9 * direct));
            before = now;
        }
        assertThat(before).isLessThan(0.97 * Arrays.stream(loop.losses()).sum());
    }

    /// arXiv:2210.17323, algorithm 1 without blocks: U with H⁻¹ = Uᵀ·U, errors pushed to the right.
    private static byte[] paper(double[] w, Damping damping, Grid grid) {
        int n = COLS;
        int[] order = damping.order();
        double[] h = new double[n * n];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                h[i * n + j] = damping.h()[order[i] * n + order[j]];
            }
        }
        double[] u = upperFactor(inverse(h, n), n);
        byte[] codes = new byte[w.length];
        for (int row = 0; row < ROWS; row++) {
            double[] current = new double[n];
            for (int q = 0; q < n; q++) {
                current[q] = w[row * n + order[q]];
            }
            for (int q = 0; q < n; q++) {
                int group = order[q] / 32;
                int code = grid.code(row, group, (float) current[q]);
                codes[row * n + order[q]] = (byte) code;
                double error = (current[q] - grid.value(row, group, code)) / u[q * n + q];
                for (int j = q; j < n; j++) {
                    current[j] -= error * u[q * n + j];
                }
            }
        }
        return codes;
    }

    /// OBQ: the weight whose rounding costs least goes first; the loss of what comes out.
    private static double greedy(float[] w, double[] h, Grid grid) {
        int n = w.length;
        double[] inverse = inverse(h, n);
        double[] current = wide(w);
        float[] stored = new float[n];
        boolean[] done = new boolean[n];
        for (int step = 0; step < n; step++) {
            int best = -1;
            double least = Double.POSITIVE_INFINITY;
            for (int i = 0; i < n; i++) {
                double gap = current[i] - grid.value(0, 0, grid.code(0, 0, (float) current[i]));
                if (!done[i] && gap * gap / inverse[i * n + i] < least) {
                    least = gap * gap / inverse[i * n + i];
                    best = i;
                }
            }
            stored[best] = grid.value(0, 0, grid.code(0, 0, (float) current[best]));
            double error = (current[best] - stored[best]) / inverse[best * n + best];
            double[] column = new double[n];
            for (int i = 0; i < n; i++) {
                column[i] = inverse[i * n + best];
                current[i] -= done[i] ? 0 : error * column[i];
            }
            double pivot = column[best];
            for (int i = 0; i < n; i++) {
                for (int j = 0; j < n; j++) {
                    inverse[i * n + j] -= column[i] * column[j] / pivot;
                }
            }
            done[best] = true;
        }
        return Seeded.loss(w, stored, h, n);
    }

    /// Gauss-Jordan.
    private static double[] inverse(double[] matrix, int n) {
        double[] a = matrix.clone();
        double[] b = Hessian.identity(n).h();
        for (int p = 0; p < n; p++) {
            double pivot = a[p * n + p];
            for (int j = 0; j < n; j++) {
                a[p * n + j] /= pivot;
                b[p * n + j] /= pivot;
            }
            for (int i = 0; i < n; i++) {
                double factor = i == p ? 0 : a[i * n + p];
                for (int j = 0; j < n; j++) {
                    a[i * n + j] -= factor * a[p * n + j];
                    b[i * n + j] -= factor * b[p * n + j];
                }
            }
        }
        return b;
    }

    /// The upper U with `a = Uᵀ·U`.
    private static double[] upperFactor(double[] a, int n) {
        double[] u = new double[n * n];
        for (int i = 0; i < n; i++) {
            for (int j = i; j < n; j++) {
                double value = a[i * n + j];
                for (int k = 0; k < i; k++) {
                    value -= u[k * n + i] * u[k * n + j];
                }
                u[i * n + j] = j == i ? Math.sqrt(value) : value / u[i * n + i];
            }
        }
        return u;
    }
}
