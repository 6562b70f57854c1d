package dev.quern.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.quern.core.NumericException;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class InputTransformTest {
    static Stream<InputTransform> transforms() {
        float[] factors = new float[12];
        for (int i = 0; i < factors.length; i++) {
            factors[i] = i % 2 == 0 ? 0.01f * (i + 1) : -5;
        }
        return Stream.of(
                new InputTransform.Diagonal(factors),
                InputTransform.Hadamard.seeded(12, 1),
                InputTransform.Hadamard.seeded(64, 2),
                InputTransform.Hadamard.seeded(576, 3),
                InputTransform.Hadamard.seeded(1536, 4),
                InputTransform.Hadamard.seeded(7, 5),
                new InputTransform.Kronecker(3, matrix(3, 1), 4, matrix(4, 2)),
                new InputTransform.Full(12, matrix(12, 3)));
    }

    /// Rows permuted, so that elimination must pivot.
    private static float[] matrix(int n, long seed) {
        Random random = new Random(seed);
        float[] matrix = new float[n * n];
        for (int i = 0; i < matrix.length; i++) {
            matrix[i] = (float) random.nextGaussian() * 0.3f + ((i / n + 1) % n == i % n ? 2 : 0);
        }
        return matrix;
    }

    @ParameterizedTest
    @MethodSource("transforms")
    void theProductWithACounteredWeightStaysWhatItWas(InputTransform transform) {
        int n = transform.size();
        double[] x = values(n, 8);
        double[] w = values(n, 9);
        double before = dot(x, w);
        transform.apply(x, 0);
        transform.counter().apply(w, 0);
        assertThat(dot(x, w)).isCloseTo(before, within(1e-9 * n));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 9, 64, 576, 1536})
    void hadamardKeepsNormsAndSpreadsASpikeEvenly(int n) {
        InputTransform.Hadamard transform = InputTransform.Hadamard.seeded(n, n);
        double[] x = values(n, 3);
        double norm = dot(x, x);
        transform.apply(x, 0);
        assertThat(dot(x, x)).isCloseTo(norm, within(1e-9 * norm));
        double[] spike = new double[n];
        spike[n / 2] = 1;
        transform.apply(spike, 0);
        double most = Math.sqrt(2.0 / n) + 1e-12;
        for (double value : spike) {
            assertThat(Math.abs(value)).isLessThanOrEqualTo(most);
        }
    }

    @Test
    void hadamardIsDeterministicBySeed() {
        assertThat(InputTransform.Hadamard.seeded(64, 7).signs())
                .isEqualTo(InputTransform.Hadamard.seeded(64, 7).signs())
                .isNotEqualTo(InputTransform.Hadamard.seeded(64, 8).signs());
    }

    @Test
    void aSingularMatrixHasNoCounter() {
        InputTransform.Full zero = new InputTransform.Full(2, new float[4]);
        assertThatThrownBy(zero::counter).isInstanceOf(NumericException.class);
    }

    @Test
    void inputsDescribeWhatHappensToThem() {
        LinearInput input = LinearInput.dynamic(dev.quern.core.ActivationScheme.dynamic(4, false))
                .withTransforms(java.util.List.of(InputTransform.Hadamard.seeded(4, 1)));
        assertThat(input.describe(false)).isEqualTo("hadamard, a4 dynamic asymmetric (simulated)");
        assertThat(input.describe(true)).isEqualTo("hadamard, a4 dynamic asymmetric × int8");
        assertThat(LinearInput.AS_IS.isAsIs()).isTrue();
    }

    private static double[] values(int n, long seed) {
        return new Random(seed).doubles(n, -1, 1).toArray();
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }
}
