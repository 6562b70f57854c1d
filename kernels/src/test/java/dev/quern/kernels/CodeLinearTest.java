package dev.quern.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.quern.core.ActivationScheme;
import dev.quern.core.DType;
import dev.quern.core.Int8Weight;
import dev.quern.core.OutlierInt8Weight;
import dev.quern.core.PackedWeight;
import dev.quern.core.QuantParams;
import dev.quern.core.Tensor;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Products of integer codes: exact, hence equal to the oracle's to the bit at every width.
class CodeLinearTest {
    private static final Workers ONE = Workers.of(1);
    private static final Workers THREE = Workers.of(3);
    private static final ActivationScheme[] SCHEMES = {
        ActivationScheme.dynamic(8, true),
        ActivationScheme.dynamic(8, false),
        ActivationScheme.dynamic(6, false),
        ActivationScheme.dynamic(4, true),
        ActivationScheme.fixed(8, false)
    };

    @AfterAll
    static void close() {
        ONE.close();
        THREE.close();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 5, 64, 1023, 1024, 1025, 2500, 4098})
    void everyProductOfCodesEqualsTheOraclesToTheBit(int cols) {
        Random random = new Random(cols);
        Int8Weight weight = SampleWeights.int8(67, cols, random);
        CodeLinear linear = (CodeLinear) Kernels.prepare(weight);
        CodeLinear oracle = (CodeLinear) new ScalarLinear().prepare(weight);
        for (ActivationScheme scheme : SCHEMES) {
            for (int tokens : new int[] {1, 3, 4, 70}) {
                float[] x = SampleWeights.floats(tokens * cols, random);
                InputCodes codes = codes(scheme, x, tokens, cols);
                float[] y = new float[tokens * 67];
                float[] expected = new float[tokens * 67];
                linear.multiply(codes, x, 0, y, 0, THREE);
                oracle.multiply(codes, x, 0, expected, 0, ONE);
                assertThat(y).as("%s, %d tokens", scheme, tokens).isEqualTo(expected);
            }
        }
    }

    /// A step takes what codes and inputs are when it runs.
    @Test
    void aStepGivesTheProductOfTheTokenOfTheMoment() {
        Random random = new Random(6);
        int cols = 1100;
        int[] outliers = {3, 500};
        Int8Weight regular = SampleWeights.int8(67, cols, random);
        Tensor columns = Tensor.of(DType.F32, SampleWeights.floats(2 * 67, random), 67, 2);
        for (PackedWeight weight : new PackedWeight[] {regular, new OutlierInt8Weight(regular, outliers, columns)}) {
            CodeLinear linear = (CodeLinear) Kernels.prepare(weight);
            InputCodes codes = new InputCodes();
            float[] x = new float[cols];
            float[] y = new float[67];
            float[] floats = new float[67];
            Runnable ofCodes = linear.token(codes, x, y, THREE);
            Runnable ofFloats = linear.token(x, floats, THREE);
            for (int run = 0; run < 3; run++) {
                System.arraycopy(SampleWeights.floats(cols, random), 0, x, 0, cols);
                codes.quantize(ActivationScheme.dynamic(8, false), null, outliers, x, 0, 1, cols, THREE);
                ofCodes.run();
                ofFloats.run();
                float[] expected = new float[67];
                linear.multiply(codes, x, 0, expected, 0, ONE);
                assertThat(y).isEqualTo(expected);
                linear.multiply(x, 0, 1, expected, 0, ONE);
                assertThat(floats).isEqualTo(expected);
            }
        }
    }

    @Test
    void extremeCodesDoNotOverflow() {
        int cols = 65_535;
        byte[] least = new byte[cols];
        Arrays.fill(least, (byte) -128);
        Int8Weight weight = new Int8Weight(1, cols, Tensor.of(least, 1, cols), Tensor.of(new float[] {1}, 1));
        CodeLinear linear = (CodeLinear) Kernels.prepare(weight);
        float[] x = new float[cols];
        Arrays.fill(x, -1);
        // all codes −128, zero point 127
        InputCodes codes = new InputCodes();
        codes.quantize(ActivationScheme.fixed(8, false), new QuantParams(1, 255), new int[0], x, 0, 1, cols, ONE);
        assertThat(codes.code(0, 0)).isEqualTo(126);
        float[] y = new float[1];
        linear.multiply(codes, x, 0, y, 0, ONE);
        assertThat(y[0]).isEqualTo(128f * cols);
    }

    @Test
    void moreInputsThanFit32BitsAreRefused() {
        PackedWeight wide = SampleWeights.int8(1, 65_536, new Random(1));
        assertThat(new Int8Kernel().supports(wide)).isFalse();
        assertThatThrownBy(() -> new Int8Kernel().prepare(wide)).hasMessageContaining("65535");
    }

    @Test
    void codesAreThoseOfTheScheme() {
        Random random = new Random(3);
        int cols = 133;
        for (ActivationScheme scheme : SCHEMES) {
            float[] x = SampleWeights.floats(5 * cols, random);
            Arrays.fill(x, cols, 2 * cols, 0f);
            for (int i = 2 * cols; i < 3 * cols; i++) {
                x[i] = Math.abs(x[i]);
            }
            InputCodes codes = codes(scheme, x, 5, cols);
            float[] back = new float[x.length];
            codes.dequantize(x, 0, back, 0, THREE);
            float[] expected = x.clone();
            for (int t = 0; t < 5; t++) {
                QuantParams params = scheme.dynamic() ? scheme.params(x, t * cols, cols) : new QuantParams(0.03f, 100);
                scheme.roundTrip(params, expected, t * cols, cols);
            }
            for (int i = 0; i < x.length; i++) {
                // == : the sign of zero is not promised
                assertThat(back[i] == expected[i]).as("%s, %d", scheme, i).isTrue();
            }
        }
    }

    @Test
    void outlierColumnsAreExactAndDoNotWidenTheRange() {
        Random random = new Random(4);
        int cols = 96;
        int[] outliers = {3, 50};
        Int8Weight regular = SampleWeights.int8(33, cols, random);
        Tensor columns = Tensor.of(DType.F32, SampleWeights.floats(66, random), 33, 2);
        OutlierInt8Weight weight = new OutlierInt8Weight(regular, outliers, columns);
        float[] x = SampleWeights.floats(7 * cols, random);
        for (int t = 0; t < 7; t++) {
            x[t * cols + 3] = 1000;
        }
        InputCodes codes = new InputCodes();
        codes.quantize(ActivationScheme.dynamic(8, true), null, outliers, x, 0, 7, cols, ONE);
        assertThat(codes.scale(0)).isLessThan(0.1f);
        float[] seen = new float[x.length];
        codes.dequantize(x, 0, seen, 0, ONE);
        assertThat(seen[3]).isEqualTo(1000);
        float[] y = new float[7 * 33];
        ((CodeLinear) Kernels.prepare(weight)).multiply(codes, x, 0, y, 0, THREE);
        float[] w = weight.unpack();
        for (int t = 0; t < 7; t++) {
            for (int r = 0; r < 33; r++) {
                double sum = 0;
                double terms = 0;
                for (int k = 0; k < cols; k++) {
                    double term = (double) w[r * cols + k] * seen[t * cols + k];
                    sum += term;
                    terms += Math.abs(term);
                }
                assertThat(Math.abs(y[t * 33 + r] - sum)).isLessThan(104 * 0x1p-24 * terms);
            }
        }
    }

    @Test
    void aTokenThatIsNotFiniteGivesNotANumberAndLeavesTheOthersAlone() {
        float[] x = {1, 2, 3, 4, 5, Float.NaN, 7, 8, 1, Float.POSITIVE_INFINITY, 3, 4};
        InputCodes codes = codes(ActivationScheme.dynamic(8, true), x, 3, 4);
        CodeLinear linear = (CodeLinear) Kernels.prepare(SampleWeights.int8(1, 4, new Random(5)));
        float[] y = new float[3];
        linear.multiply(codes, x, 0, y, 0, ONE);
        assertThat(y[0]).isFinite();
        assertThat(y[1]).isNaN();
        assertThat(y[2]).isNaN();
    }

    @Test
    void hadamardRowsKeepTheirNormAndComeBack() {
        for (int k : new int[] {1, 2, 8, 64, 512}) {
            float[] x = SampleWeights.floats(3 * k, new Random(k));
            float[] y = x.clone();
            HadamardKernel.apply(y, 0, 3, k, (float) (1 / Math.sqrt(k)));
            assertThat(squares(y)).isCloseTo(squares(x), org.assertj.core.data.Percentage.withPercentage(1e-3));
            HadamardKernel.apply(y, 0, 3, k, (float) (1 / Math.sqrt(k)));
            assertThat(y).containsExactly(x, org.assertj.core.data.Offset.offset(1e-5f));
        }
    }

    private static double squares(float[] x) {
        double sum = 0;
        for (float value : x) {
            sum += (double) value * value;
        }
        return sum;
    }

    private static InputCodes codes(ActivationScheme scheme, float[] x, int tokens, int cols) {
        InputCodes codes = new InputCodes();
        QuantParams range = scheme.dynamic() ? null : new QuantParams(0.03f, 100);
        codes.quantize(scheme, range, new int[0], x, 0, tokens, cols, THREE);
        return codes;
    }
}
