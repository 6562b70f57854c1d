package dev.quern.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.Random;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ElementwiseTest {
    private static final float GUARD = 12345.678f;

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 3, 15, 16, 17, 33, 64, 1001})
    void equalsPlainJavaAndWritesNothingBeside(int n) {
        float[] a = normal(n + 3, 1, 4);
        float[] b = normal(n + 1, 2, 4);
        float[] y = new float[n + 20];
        float[] expected = new float[n];

        Elementwise.add(a, 3, b, 1, guarded(y), 5, n);
        ElementwiseScalar.add(a, 3, b, 1, expected, 0, n);
        near(y, expected, 0);

        Elementwise.scale(a, 3, 1.7f, guarded(y), 5, n);
        ElementwiseScalar.scale(a, 3, 1.7f, expected, 0, n);
        near(y, expected, 0);

        Elementwise.siluGate(a, 3, b, 1, guarded(y), 5, n);
        ElementwiseScalar.siluGate(a, 3, b, 1, expected, 0, n);
        near(y, expected, 4e-6f);

        Elementwise.geluTanhGate(a, 3, b, 1, guarded(y), 5, n);
        ElementwiseScalar.geluTanhGate(a, 3, b, 1, expected, 0, n);
        near(y, expected, 4e-6f);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 15, 16, 17, 33, 64, 1001})
    void softmaxSumsToOneAndEqualsPlainJava(int n) {
        float[] x = normal(n + 20, 3, 10);
        Arrays.fill(x, 0, 5, GUARD);
        Arrays.fill(x, 5 + n, n + 20, GUARD);
        float[] expected = Arrays.copyOfRange(x, 5, 5 + n);
        ElementwiseScalar.softmax(expected, 0, n);
        Elementwise.softmax(x, 5, n);
        near(x, expected, 2e-6f);
        double sum = 0;
        for (int i = 0; i < n; i++) {
            sum += x[5 + i];
        }
        assertThat(sum).isBetween(1 - 1e-5, 1 + 1e-5);
    }

    @Test
    void gatesKeepTheirLimits() {
        float[] gate = {-1e30f, -200, -100, 0, 100, 200, 1e30f, Float.NaN};
        float[] ones = new float[64];
        Arrays.fill(ones, 1);
        for (int at : new int[] {0, 56}) {
            float[] in = new float[64];
            System.arraycopy(gate, 0, in, at, 8);
            float[] y = new float[64];
            Elementwise.siluGate(in, 0, ones, 0, y, 0, 64);
            assertThat(Arrays.copyOfRange(y, at + 3, at + 8)).containsExactly(0, 100, 200, 1e30f, Float.NaN);
            assertThat(Math.abs(y[at]) + Math.abs(y[at + 1]) + Math.abs(y[at + 2]))
                    .isLessThan(1e-30f);
        }
    }

    @Test
    void theBiasIsAddedToEveryRow() {
        float[] x = normal(3 * 19, 4, 1);
        float[] bias = normal(19, 5, 1);
        float[] y = x.clone();
        Elementwise.addBias(y, 0, 3, bias);
        for (int i = 0; i < x.length; i++) {
            assertThat(y[i]).isEqualTo(x[i] + bias[i % 19]);
        }
    }

    @Test
    void exponentialsStayWithinTwoUnitsOfTheTrueValueOverTheWholeRange() {
        Assumptions.assumeFalse(VectorWidth.SCALAR, "the scalar path takes Math.exp");
        float[] x = new float[VectorWidth.LANES];
        for (float at = -120; at < 100; at += 0.0031f) {
            Arrays.fill(x, at);
            float e = VectorExp.exp(FloatVector.fromArray(VectorWidth.FLOATS, x, 0))
                    .lane(0);
            double exact = Math.exp(at);
            if ((float) exact == Float.POSITIVE_INFINITY) {
                assertThat(e).isEqualTo(Float.POSITIVE_INFINITY);
            } else if (Math.abs(e - exact) > 2 * Math.ulp((float) exact)) {
                assertThat(e).as("exp(%s)", at).isEqualTo((float) exact);
            }
        }
        for (float end : new float[] {Float.NEGATIVE_INFINITY, -1e30f, 1e30f, Float.POSITIVE_INFINITY, Float.NaN}) {
            Arrays.fill(x, end);
            float e = VectorExp.exp(FloatVector.fromArray(VectorWidth.FLOATS, x, 0))
                    .lane(0);
            assertThat(Float.valueOf(e)).as("exp(%s)", end).isEqualTo(Float.valueOf((float) Math.exp(end)));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 16, 33, 64, 576, 1000})
    void rmsNormEqualsTheFormulaInDouble(int size) {
        float[] x = normal(3 * size + 2, 6, 3);
        float[] weight = normal(size, 7, 1);
        float[] y = new float[3 * size + 20];
        NormKernel.rmsNorm(x, 2, 3, weight, 1, 1e-5f, guarded(y), 5);
        float[] expected = new float[3 * size];
        for (int row = 0; row < 3; row++) {
            double squares = 0;
            for (int i = 0; i < size; i++) {
                squares += (double) x[2 + row * size + i] * x[2 + row * size + i];
            }
            for (int i = 0; i < size; i++) {
                int at = row * size + i;
                expected[at] = (float) (x[2 + at] / Math.sqrt(squares / size + 1e-5f) * (weight[i] + 1.0));
            }
        }
        near(y, expected, 2e-6f);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 6, 32, 64, 80, 128})
    void ropeTurnsEachPairByItsAngleAndKeepsItsLength(int dim) {
        int tokens = 5;
        int heads = 3;
        int half = dim / 2;
        float[] cos = new float[tokens * half + 4];
        float[] sin = new float[tokens * half + 4];
        for (int i = 0; i < tokens * half; i++) {
            cos[4 + i] = (float) Math.cos(i * 0.7);
            sin[4 + i] = (float) Math.sin(i * 0.7);
        }
        float[] x = normal(tokens * heads * dim, 8, 1);
        float[] y = new float[x.length + 20];
        System.arraycopy(x, 0, guarded(y), 5, x.length);
        RopeKernel.apply(y, 5, tokens, heads, dim, cos, sin, 4);
        float[] expected = new float[x.length];
        for (int i = 0; i < x.length; i++) {
            int angle = i / (heads * dim) * half + i % half;
            boolean first = i % dim < half;
            double other = first ? -x[i + half] : x[i - half];
            expected[i] = (float) (x[i] * Math.cos(angle * 0.7) + other * Math.sin(angle * 0.7));
        }
        near(y, expected, 1e-6f);
    }

    @Test
    void arraysThatAreTooShortAreRefused() {
        assertThatThrownBy(() -> Elementwise.add(new float[3], 0, new float[4], 0, new float[4], 0, 4))
                .isInstanceOf(IndexOutOfBoundsException.class)
                .hasMessage("a holds 3 floats, wanted 4 from 0");
    }

    /// `y` from 5 on is near `expected`, relative to numbers above 1, and all else is untouched.
    private static void near(float[] y, float[] expected, float tolerance) {
        for (int i = 0; i < y.length; i++) {
            float wanted = i < 5 || i >= 5 + expected.length ? GUARD : expected[i - 5];
            if (Math.abs(y[i] - wanted) > (wanted == GUARD ? 0 : tolerance * Math.max(1, Math.abs(wanted)))) {
                assertThat(y[i]).as("place %d", i - 5).isEqualTo(wanted);
            }
        }
    }

    private static float[] guarded(float[] y) {
        Arrays.fill(y, GUARD);
        return y;
    }

    private static float[] normal(int n, long seed, float spread) {
        Random random = new Random(seed);
        float[] x = new float[n];
        for (int i = 0; i < n; i++) {
            x[i] = (float) random.nextGaussian() * spread;
        }
        return x;
    }
}
