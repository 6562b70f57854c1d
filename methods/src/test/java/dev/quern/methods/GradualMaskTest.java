package dev.quern.methods;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class GradualMaskTest {
    @Property
    void beginsWithTheDiagonalGrowsAndEndsWithAll(
            @ForAll @IntRange(min = 2, max = 60) int epochs, @ForAll @IntRange(min = 1, max = 5000) int size) {
        GradualMask mask = new GradualMask(epochs, 1, true);
        assertThat(mask.width(0, size)).isEqualTo(1);
        assertThat(mask.width(epochs - 1, size)).isEqualTo(size);
        for (int epoch = 1; epoch < epochs; epoch++) {
            assertThat(mask.width(epoch, size)).isGreaterThanOrEqualTo(mask.width(epoch - 1, size));
        }
    }

    @Test
    void theSizeThatFloatingPointMissesOpensFully() {
        assertThat(new GradualMask(20, 0.01, true).width(19, 4096)).isEqualTo(4096);
    }

    @Test
    void oneEpochOpensEverything() {
        assertThat(new GradualMask(1, 0.5, true).width(0, 7)).isEqualTo(7);
    }

    @Test
    void holdsTheStabilityFactorWithinTheBandOnly() {
        double[] mask = requireNonNull(new GradualMask(3, 0.25, true).matrix(1, 5));
        for (int i = 0; i < 25; i++) {
            int distance = Math.abs(i / 5 - i % 5);
            assertThat(mask[i]).isEqualTo(distance == 0 ? 1 : distance < 3 ? 0.25 : 0);
        }
    }

    @Test
    void isNullWhereNothingIsMasked() {
        assertThat(new GradualMask(3, 1, true).matrix(2, 5)).isNull();
        assertThat(GradualMask.OPEN.matrix(0, 5)).isNull();
    }
}
