package dev.quern.methods;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.quern.core.QuantScheme;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class LearnedClipTest {
    private static final int ROWS = 32;
    private static final int COLS = 64;

    static Stream<QuantScheme> schemes() {
        return Stream.of(
                new QuantScheme(2, 16, false),
                new QuantScheme(3, 16, false),
                new QuantScheme(4, 0, false),
                new QuantScheme(4, 16, true),
                new QuantScheme(2, 16, true),
                new QuantScheme(8, 32, false));
    }

    @ParameterizedTest
    @MethodSource("schemes")
    void whatIsTrainedIsWhatRoundToNearestMakesOfTheClampedWeights(QuantScheme scheme) {
        for (long seed = 0; seed < 10; seed++) {
            float[] weight = weights(seed);
            LearnedClip clip = new LearnedClip(ROWS, COLS, scheme);
            LearnedClip.Shares shares = shares(clip, seed);
            float[] trained = new float[weight.length];
            clip.forward(weight, shares, trained, Parallel.SERIAL);
            clip.clamp(weight, shares, Parallel.SERIAL);
            assertThat(trained).containsExactly(roundToNearest(weight, scheme));
        }
    }

    @ParameterizedTest
    @MethodSource("schemes")
    void wholeRangesGiveRoundToNearest(QuantScheme scheme) {
        float[] weight = weights(3);
        LearnedClip clip = new LearnedClip(ROWS, COLS, scheme);
        float[] trained = new float[weight.length];
        clip.forward(weight, whole(clip), trained, Parallel.SERIAL);
        assertThat(trained).containsExactly(roundToNearest(weight, scheme));
    }

    @Test
    void constantAndEmptyGroupsStayFinite() {
        QuantScheme scheme = new QuantScheme(2, 16, false);
        float[] weight = new float[ROWS * COLS];
        Arrays.fill(weight, 0, COLS, 0.25f);
        Arrays.fill(weight, COLS, 2 * COLS, -0.25f);
        LearnedClip clip = new LearnedClip(ROWS, COLS, scheme);
        float[] trained = new float[weight.length];
        LearnedClip.Shares shares = shares(clip, 1);
        clip.forward(weight, shares, trained, Parallel.SERIAL);
        float[] gradient = weights(2);
        double[] low = new double[clip.count()];
        double[] high = new double[clip.count()];
        clip.backward(weight, shares, gradient, low, high, Parallel.SERIAL);
        for (float value : trained) {
            assertThat(value).isFinite();
        }
        assertThat(gradient).doesNotContain(Float.NaN);
        assertThat(low).doesNotContain(Double.NaN);
        assertThat(high).doesNotContain(Double.NaN);
    }

    /// At 8 bits rounding is nearly the identity, so the straight-through gradient is that of clamping.
    @Test
    void gradientsAreThoseOfClampingWhereRoundingIsFine() {
        QuantScheme scheme = new QuantScheme(8, 16, false);
        float[] weight = weights(4);
        float[] direction = weights(5);
        LearnedClip clip = new LearnedClip(ROWS, COLS, scheme);
        double[] logits = new Random(6).doubles(clip.count(), -1, 2).toArray();
        double[] others = new Random(7).doubles(clip.count(), -1, 2).toArray();
        LearnedClip.Shares shares = new LearnedClip.Shares(sigmoid(logits), sigmoid(others));
        float[] trained = new float[weight.length];
        clip.forward(weight, shares, trained, Parallel.SERIAL);
        float[] gradient = direction.clone();
        double[] low = new double[clip.count()];
        double[] high = new double[clip.count()];
        clip.backward(weight, shares, gradient, low, high, Parallel.SERIAL);
        for (int at = 0; at < clip.count(); at++) {
            assertThat(low[at]).isCloseTo(numeric(weight, direction, logits, others, at), within(0.03));
            assertThat(high[at]).isCloseTo(numeric(weight, direction, others, logits, at, true), within(0.03));
        }
    }

    private static double numeric(float[] weight, float[] direction, double[] low, double[] high, int at) {
        return numeric(weight, direction, low, high, at, false);
    }

    private static double numeric(
            float[] weight, float[] direction, double[] moved, double[] other, int at, boolean high) {
        double[] above = moved.clone();
        double[] below = moved.clone();
        above[at] += 1e-4;
        below[at] -= 1e-4;
        double up = high ? clamped(weight, direction, other, above) : clamped(weight, direction, above, other);
        double down = high ? clamped(weight, direction, other, below) : clamped(weight, direction, below, other);
        return (up - down) / 2e-4;
    }

    /// `Σ direction · clamp(w)`, no rounding.
    private static double clamped(float[] weight, float[] direction, double[] low, double[] high) {
        double sum = 0;
        int groups = COLS / 16;
        for (int at = 0; at < ROWS * groups; at++) {
            int from = at / groups * COLS + at % groups * 16;
            double bottom = 0;
            double top = 0;
            for (int i = from; i < from + 16; i++) {
                bottom = Math.min(bottom, weight[i]);
                top = Math.max(top, weight[i]);
            }
            bottom *= 1 / (1 + Math.exp(-low[at]));
            top *= 1 / (1 + Math.exp(-high[at]));
            for (int i = from; i < from + 16; i++) {
                sum += direction[i] * Math.clamp(weight[i], bottom, top);
            }
        }
        return sum;
    }

    private static double[] sigmoid(double[] logits) {
        return Arrays.stream(logits).map(x -> 1 / (1 + Math.exp(-x))).toArray();
    }

    private static float[] roundToNearest(float[] weight, QuantScheme scheme) {
        LinearTask task = new LinearTask("layer", ROWS, COLS, weight, null, null, Parallel.SERIAL, new Phases(), 0);
        Rtn.Config config = new Rtn.Config(scheme.bits(), scheme.groupSize(), scheme.symmetric(), Range.MIN_MAX);
        return new Rtn().quantize(task, config).weight().unpack();
    }

    private static LearnedClip.Shares shares(LearnedClip clip, long seed) {
        Random random = new Random(seed);
        return new LearnedClip.Shares(
                random.doubles(clip.count(), 0.3, 1).toArray(),
                random.doubles(clip.count(), 0.3, 1).toArray());
    }

    private static LearnedClip.Shares whole(LearnedClip clip) {
        double[] ones = new double[clip.count()];
        Arrays.fill(ones, 1);
        return new LearnedClip.Shares(ones, ones);
    }

    private static float[] weights(long seed) {
        Random random = new Random(seed);
        float[] weight = new float[ROWS * COLS];
        for (int i = 0; i < weight.length; i++) {
            weight[i] = (float) random.nextGaussian();
        }
        // a group without negative weights: its zero point would be 0, which the layout cannot hold
        for (int i = 0; i < 16; i++) {
            weight[i] = Math.abs(weight[i]);
        }
        return weight;
    }
}
