package dev.quern.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class ActivationSchemeTest {
    private static final int[] BITS = {4, 6, 8};

    @Test
    void theExampleOfTheLiteratureWithItsSignedCodesShiftedBy128() {
        ActivationScheme scheme = ActivationScheme.dynamic(8, false);
        QuantParams params = scheme.params(-1.5f, 2.5f);
        assertThat(params.scale()).isEqualTo(4f / 255);
        int[] codes = new int[5];
        float[] x = {0, 1, 1.5f, 2.5f, -1.5f};
        for (int i = 0; i < x.length; i++) {
            codes[i] = params.quantize(x[i], scheme.qmax()) - 128;
        }
        assertThat(codes).containsExactly(-32, 32, 64, 127, -128);
    }

    @Property(tries = 300)
    void valuesInTheRangeAreWithinHalfAStepAndZeroIsExact(
            @ForAll @IntRange(min = 0, max = 2) int kind,
            @ForAll boolean symmetric,
            @ForAll long seed,
            @ForAll @IntRange(min = -60, max = 60) int exponent) {
        ActivationScheme scheme = ActivationScheme.dynamic(BITS[kind], symmetric);
        Random random = new Random(seed);
        float[] x = new float[33];
        for (int i = 1; i < x.length; i++) {
            x[i] = Math.scalb((float) random.nextGaussian(), exponent);
        }
        QuantParams params = scheme.params(x, 0, x.length);
        float[] back = x.clone();
        scheme.roundTrip(params, back, 0, back.length);
        assertThat(back[0]).isZero();
        float[] again = back.clone();
        scheme.roundTrip(params, again, 0, again.length);
        assertThat(again).isEqualTo(back);
        // an asymmetric range may lie half a step off, since its zero point is a whole number
        double most = (symmetric ? 0.5 : 1) * params.scale() * (1 + 1e-4);
        for (int i = 0; i < x.length; i++) {
            assertThat(Math.abs((double) x[i] - back[i])).isLessThanOrEqualTo(most);
        }
    }

    @Test
    void aCutRangeHasAFinerGridAndItsEndsStandForWhatLiesBeyond() {
        float[] x = {0, 1, 4, -4, 3.5f};
        ActivationScheme whole = ActivationScheme.dynamic(4, false);
        ActivationScheme cut = whole.withClip(0.75f);
        QuantParams params = cut.params(x, 0, x.length);
        float expected = 0.75f * whole.params(x, 0, x.length).scale();
        assertThat(params.scale()).isCloseTo(expected, within(1e-6f));
        cut.roundTrip(params, x, 0, x.length);
        assertThat(x[2]).isEqualTo(x[4]).isLessThan(3.5f);
    }

    @Test
    void onlyRangesOfTokensAtFewBitsAreCut() {
        assertThatThrownBy(() -> ActivationScheme.dynamic(4, false).withClip(0.4f))
                .hasMessageContaining("act-clip is 0.5 … 1, not 0.4");
        assertThatThrownBy(() -> ActivationScheme.dynamic(8, false).withClip(0.9f))
                .hasMessageContaining("leave it out at 8");
        assertThatThrownBy(() -> ActivationScheme.fixed(4, false).withClip(0.9f))
                .hasMessageContaining("where ranges are stored");
    }

    @Test
    void aTokenOfZerosStaysZero() {
        for (boolean symmetric : new boolean[] {true, false}) {
            ActivationScheme scheme = ActivationScheme.dynamic(4, symmetric);
            float[] x = new float[4];
            scheme.roundTrip(scheme.params(x, 0, 4), x, 0, 4);
            assertThat(x).containsOnly(0f);
        }
    }

    @Test
    void whatMakesNoSenseIsRefused() {
        assertThatThrownBy(() -> ActivationScheme.dynamic(5, true)).hasMessageContaining("act-bits is 4, 6, 8 or 16");
        assertThatThrownBy(() -> new ActivationScheme(8, true, true, false)).hasMessageContaining("static");
        assertThatThrownBy(() -> new ActivationScheme(8, true, false, true))
                .hasMessageContaining("how the text is cut");
        assertThatThrownBy(() -> KvScheme.of(3)).hasMessageContaining("kv-bits is 2, 4, 8, 16 or 32");
        assertThat(ActivationScheme.FLOAT.quantizes()).isFalse();
        assertThat(ActivationScheme.fixed(6, false)).hasToString("a6 static asymmetric");
    }

    @Test
    void aTokenSeesAsCodesWhatIsOldEnough() {
        KvScheme scheme = new KvScheme(4, 64, 64, 4);
        assertThat(scheme.closedBlocks(127)).isZero();
        assertThat(scheme.closedBlocks(128)).isEqualTo(1);
        assertThat(scheme.closedBlocks(1000)).isEqualTo(14);
        assertThat(new KvScheme(4, 64, 0, 0).closedBlocks(64)).isEqualTo(1);
        assertThat(KvScheme.FLOAT.closedBlocks(1000)).isZero();
        assertThat(KvScheme.HALF.closedBlocks(1000)).isZero();
    }
}
