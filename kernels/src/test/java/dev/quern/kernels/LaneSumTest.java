package dev.quern.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;

class LaneSumTest {
    private static final int OFTEN = 60_000;

    @Test
    void interpretedAndCompiledItIsTheSumByHalves() {
        Random random = new Random(1);
        float[] lanes = new float[VectorWidth.LANES];
        for (int run = 0; run < OFTEN; run++) {
            for (int i = 0; i < lanes.length; i++) {
                lanes[i] = (random.nextFloat() - 0.5f) * (1 << random.nextInt(20));
            }
            assertThat(LaneSum.of(FloatVector.fromArray(VectorWidth.FLOATS, lanes, 0)))
                    .isEqualTo(byHalves(lanes));
        }
    }

    @Test
    void aNormIsTheSameInterpretedAndCompiled() {
        float[] x = new float[576];
        Random random = new Random(2);
        for (int i = 0; i < x.length; i++) {
            x[i] = random.nextFloat() * 6 - 3;
        }
        float[] first = new float[x.length];
        float[] last = new float[x.length];
        NormKernel.rmsNorm(x, 0, 1, x, 0, 1e-5f, first, 0);
        for (int run = 0; run < OFTEN; run++) {
            NormKernel.rmsNorm(x, 0, 1, x, 0, 1e-5f, last, 0);
        }
        assertThat(last).containsExactly(first);
    }

    private static float byHalves(float[] lanes) {
        float[] sum = lanes.clone();
        for (int half = sum.length / 2; half > 0; half /= 2) {
            for (int i = 0; i < half; i++) {
                sum[i] += sum[i + half];
            }
        }
        return sum[0];
    }
}
