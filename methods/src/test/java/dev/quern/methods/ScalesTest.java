package dev.quern.methods;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.quern.core.ActivationScheme;
import dev.quern.core.DType;
import dev.quern.core.Int8Weight;
import dev.quern.core.OutlierInt8Weight;
import dev.quern.core.PackedWeight;
import dev.quern.core.QuantParams;
import dev.quern.core.QuantScheme;
import dev.quern.models.Linear;
import dev.quern.models.Role;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// The formulas of the methods that scale, and what they are for: an input that is a thousand times larger than
/// others.
final class ScalesTest {
    private static final int SIZE = 64;
    private static final int ROWS = 48;
    private static final int TOKENS = 256;

    @Test
    void halfWayInputsAndWeightsAreEquallyHard() {
        double[] a = {0.01, 1, 30, 4000};
        double[] w = {2, 0.5, 0.1, 0.003};
        double[] s = SmoothQuant.scale(a, w, 0.5);
        for (int i = 0; i < a.length; i++) {
            assertThat(a[i] / s[i]).isCloseTo(w[i] * s[i], within(1e-12 * a[i] / s[i]));
        }
    }

    @Test
    void theEndsOfAlphaFlattenOneSide() {
        double[] a = {0.01, 1, 30};
        double[] w = {2, 0.5, 0.1};
        double[] flatInputs = SmoothQuant.scale(a, w, 1);
        double[] flatWeights = SmoothQuant.scale(a, w, 0);
        for (int i = 0; i < a.length; i++) {
            assertThat(a[i] / flatInputs[i]).isCloseTo(1, within(1e-12));
            assertThat(w[i] * flatWeights[i]).isCloseTo(1, within(1e-12));
        }
    }

    @Test
    void awqsRatioZeroScalesNothing() {
        assertThat(SiteSearch.tamed(Awq.scale(new double[] {0.1, 5, 90}, new double[] {1, 2, 3}, 0, false)))
                .containsOnly(1, 1, 1);
    }

    @Test
    void scalesThatAreNoNumbersAreNoCandidates() {
        assertThat(SiteSearch.tamed(new double[] {1, Double.NaN})).isEmpty();
        assertThat(SiteSearch.tamed(new double[] {1, 0})).isEmpty();
        assertThat(Arrays.stream(SiteSearch.tamed(new double[] {1e30, 1, 1, 1, 1e-30})))
                .allMatch(s -> s >= 1e-4 && s <= 1e4);
    }

    @Test
    void anInputThousandTimesLargerIsHarmlessWhenSmoothedOrKeptApart() {
        float[] x = Seeded.floats(TOKENS * SIZE, 1, 1);
        for (int at = 7; at < x.length; at += SIZE) {
            x[at] *= 1000;
        }
        float[] w = Seeded.floats(ROWS * SIZE, 0.05, 2);
        // the large input carries little: its weights are small, as those of real outliers are
        for (int at = 7; at < w.length; at += SIZE) {
            w[at] *= 0.001f;
        }
        double plain = error(x, w, Int8Weight.nearest(ROWS, SIZE, w, DType.F32), x, new int[0]);
        double[] a = filled();
        double[] b = filled();
        for (int i = 0; i < x.length; i++) {
            a[i % SIZE] = Math.max(a[i % SIZE], Math.abs(x[i]));
        }
        for (int i = 0; i < w.length; i++) {
            b[i % SIZE] = Math.max(b[i % SIZE], Math.abs(w[i]));
        }
        double[] s = SmoothQuant.scale(a, b, 0.5);
        float[] smoothX = new float[x.length];
        float[] smoothW = new float[w.length];
        for (int i = 0; i < x.length; i++) {
            smoothX[i] = (float) (x[i] / s[i % SIZE]);
        }
        for (int i = 0; i < w.length; i++) {
            smoothW[i] = (float) (w[i] * s[i % SIZE]);
        }
        double smoothed = error(x, w, Int8Weight.nearest(ROWS, SIZE, smoothW, DType.F32), smoothX, new int[0]);
        InputRanges ranges = new InputRanges(SIZE);
        ranges.add(x, TOKENS);
        LinearTask task = new LinearTask("layer", ROWS, SIZE, w, null, ranges, Parallel.SERIAL, new Phases(), 0);
        PackedWeight apart =
                new LlmInt8().quantize(task, new LlmInt8.Config(6, 1, true)).weight();
        int[] outliers = ((OutlierInt8Weight) apart).outliers();
        assertThat(outliers).containsExactly(7);
        double kept = error(x, w, apart, x, outliers);
        assertThat(plain).isGreaterThan(0.2);
        assertThat(smoothed).isLessThan(0.02);
        assertThat(kept).isLessThan(0.02);
    }

    private static double[] filled() {
        double[] values = new double[SIZE];
        Arrays.fill(values, 1e-5);
        return values;
    }

    /// Relative error of the products of held inputs with `weight`, inputs in 8 bits per token but for `exact`.
    private static double error(float[] x, float[] w, PackedWeight weight, float[] input, int[] exact) {
        ActivationScheme scheme = ActivationScheme.dynamic(8, true);
        float[] held = input.clone();
        float[] found = weight.unpack();
        double lost = 0;
        double total = 0;
        for (int t = 0; t < TOKENS; t++) {
            int at = t * SIZE;
            float[] rest = Arrays.copyOfRange(held, at, at + SIZE);
            for (int col : exact) {
                rest[col] = 0;
            }
            QuantParams params = scheme.params(rest, 0, SIZE);
            scheme.roundTrip(params, rest, 0, SIZE);
            for (int col : exact) {
                rest[col] = input[at + col];
            }
            for (int row = 0; row < ROWS; row++) {
                double y = 0;
                double gap = 0;
                for (int i = 0; i < SIZE; i++) {
                    double wanted = (double) x[at + i] * w[row * SIZE + i];
                    y += wanted;
                    gap += wanted - (double) rest[i] * found[row * SIZE + i];
                }
                lost += gap * gap;
                total += y * y;
            }
        }
        return Math.sqrt(lost / total);
    }

    @Test
    void clippingNeverMakesAGroupWorseAndHelpsWhereOneWeightSticksOut() {
        int cols = 128;
        float[] w = Seeded.floats(16 * cols, 0.05, 3);
        for (int row = 0; row < 16; row++) {
            w[row * cols + 5] = 0.9f;
        }
        float[] x = Seeded.inputs(300, cols, 4);
        for (int at = 5; at < x.length; at += cols) {
            x[at] *= 0.01f;
        }
        QuantScheme scheme = new QuantScheme(3, 32, false);
        float[] clipped = w.clone();
        Linear linear = new Linear(0, 0, Role.DOWN, "layer", cols, 16, false);
        double share = new ClipSearch(scheme, Parallel.SERIAL).clamp(clipped, linear, x);
        assertThat(share).isPositive();
        float[] before = new WeightFormat.Grouped(scheme).roundTrip(w, 16, cols, Parallel.SERIAL);
        float[] after = new WeightFormat.Grouped(scheme).roundTrip(clipped, 16, cols, Parallel.SERIAL);
        double gained = 0;
        for (int row = 0; row < 16; row++) {
            for (int group = 0; group < 4; group++) {
                double was = partial(w, before, x, row, group * 32, cols);
                double is = partial(w, after, x, row, group * 32, cols);
                assertThat(is).isLessThanOrEqualTo(was * (1 + 1e-9));
                gained += was - is;
            }
        }
        assertThat(gained).isPositive();
    }

    private static double partial(float[] w, float[] found, float[] x, int row, int from, int cols) {
        return IntStream.range(0, x.length / cols)
                .mapToDouble(t -> {
                    double gap = 0;
                    for (int i = from; i < from + 32; i++) {
                        gap += (double) (w[row * cols + i] - found[row * cols + i]) * x[t * cols + i];
                    }
                    return gap * gap;
                })
                .sum();
    }

    @Test
    void aStoredRangeCutsOffWhatIsRareAndHoldsWhatIsThere() {
        float[] x = Seeded.floats(4096, 1, 5);
        InputRanges even = new InputRanges(SIZE);
        even.add(x, x.length / SIZE);
        QuantParams full = even.fixed(ActivationScheme.fixed(8, true));
        assertThat((double) full.scale()).isBetween(2 * 2.5 / 255, 2 * 4.5 / 255);
        x[11] = 14;
        InputRanges odd = new InputRanges(SIZE);
        odd.add(x, x.length / SIZE);
        assertThat((double) odd.fixed(ActivationScheme.fixed(4, true)).scale()).isLessThan(2 * 14 / 15.0);
        assertThat(odd.largest()[11]).isEqualTo(14);
    }

    @Test
    void aMassiveTokenIsWhatOneRangeDoesNotServe() {
        float[] x = Seeded.floats(64 * SIZE, 1, 7);
        assertThat(serves(x, new int[0])).isTrue();
        x[20 * SIZE + 5] = 3000;
        assertThat(serves(x, new int[0])).isFalse();
        assertThat(serves(x, new int[] {5})).isTrue();
    }

    private static boolean serves(float[] x, int[] exact) {
        ActivationScheme scheme = ActivationScheme.fixed(8, true);
        InputRanges ranges = new InputRanges(SIZE, exact);
        ranges.add(x, x.length / SIZE);
        RangeLoss loss = new RangeLoss(scheme, ranges.fixed(scheme));
        loss.add(x, SIZE, exact);
        return loss.serves();
    }

    @Test
    void rangesDoNotDependOnTheOrderInWhichTheyAreGathered() {
        float[] x = Seeded.floats(64 * SIZE, 3, 6);
        InputRanges whole = new InputRanges(SIZE);
        whole.add(x, 64);
        InputRanges parts = new InputRanges(SIZE);
        for (int part = 3; part >= 0; part--) {
            InputRanges one = new InputRanges(SIZE);
            one.add(Arrays.copyOfRange(x, part * 16 * SIZE, (part + 1) * 16 * SIZE), 16);
            parts.merge(one);
        }
        ActivationScheme scheme = ActivationScheme.fixed(8, false);
        assertThat(parts.fixed(scheme)).isEqualTo(whole.fixed(scheme));
        assertThat(parts.largest()).isEqualTo(whole.largest());
    }
}
