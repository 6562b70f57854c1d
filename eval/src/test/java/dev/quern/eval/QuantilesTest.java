package dev.quern.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class QuantilesTest {
    @Test
    void eachIsWithinATenthOfAPercentOfTheSortedNumbers() {
        Random random = new Random(9);
        double[] values = random.doubles(100_001).map(x -> Math.exp(-20 * x)).toArray();
        Quantiles quantiles = new Quantiles();
        for (double value : values) {
            quantiles.add(value);
        }
        Arrays.sort(values);
        assertThat(quantiles.at(0.5)).isCloseTo(values[50_000], withinPercentage(0.1));
        assertThat(quantiles.at(0.99)).isCloseTo(values[99_000], withinPercentage(0.1));
        assertThat(quantiles.at(0.999)).isCloseTo(values[99_900], withinPercentage(0.1));
    }

    @Test
    void zeroAndRoundingBelowZeroAreZero() {
        Quantiles quantiles = new Quantiles();
        quantiles.add(0);
        quantiles.add(-1e-9);
        assertThat(quantiles.at(0.5)).isZero();
        assertThat(quantiles.at(0.999)).isZero();
    }
}
