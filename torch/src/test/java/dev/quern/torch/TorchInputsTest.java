package dev.quern.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.quern.core.ActivationScheme;
import dev.quern.core.QuantParams;
import dev.quern.models.InputTransform;
import dev.quern.models.LinearInput;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(NoLeaks.class)
class TorchInputsTest {
    private static final int TOKENS = 5;

    static Stream<InputTransform> transforms() {
        return Stream.of(
                new InputTransform.Diagonal(values(24, 1)),
                InputTransform.Hadamard.seeded(24, 2),
                InputTransform.Hadamard.seeded(128, 2),
                InputTransform.Hadamard.seeded(576, 2),
                InputTransform.Hadamard.seeded(5, 2),
                new InputTransform.Kronecker(4, values(16, 3), 6, values(36, 4)),
                new InputTransform.Full(24, values(576, 5)));
    }

    @ParameterizedTest
    @MethodSource("transforms")
    void transformsAreThoseOfTheOracle(InputTransform transform) {
        int n = transform.size();
        float[] x = values(TOKENS * n, 6);
        double[] expected = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            expected[i] = x[i];
        }
        for (int t = 0; t < TOKENS; t++) {
            transform.apply(expected, t * n);
        }
        TorchScope.run(() -> assertThat(TorchInputs.apply(transform, TorchTensor.of(x, TOKENS, n))
                        .toDoubles())
                .containsExactly(expected, within(1e-4)));
    }

    @Test
    void codesAreThoseOfTheScheme() {
        QuantParams range = new QuantParams(0.03f, 100);
        for (ActivationScheme scheme : List.of(
                ActivationScheme.dynamic(8, true),
                ActivationScheme.dynamic(8, false),
                ActivationScheme.dynamic(4, false),
                ActivationScheme.fixed(8, false))) {
            float[] x = values(TOKENS * 40, 7);
            java.util.Arrays.fill(x, 40, 80, 0f);
            float[] expected = x.clone();
            for (int t = 0; t < TOKENS; t++) {
                scheme.roundTrip(scheme.dynamic() ? scheme.params(x, t * 40, 40) : range, expected, t * 40, 40);
            }
            LinearInput input = new LinearInput(List.of(), scheme, scheme.dynamic() ? null : range, new int[0]);
            float[] found = TorchScope.call(() ->
                    TorchInputs.apply(input, TorchTensor.of(x, TOKENS, 40)).toFloats());
            for (int i = 0; i < x.length; i++) {
                // == : the sign of zero is not promised
                assertThat(found[i] == expected[i]).as("%s, %d", scheme, i).isTrue();
            }
        }
    }

    @Test
    void exactColumnsPassAndDoNotWidenTheRange() {
        float[] x = values(40, 8);
        x[7] = 1e4f;
        LinearInput input =
                LinearInput.dynamic(ActivationScheme.dynamic(8, true)).withExact(new int[] {7});
        float[] found = TorchScope.call(
                () -> TorchInputs.apply(input, TorchTensor.of(x, 1, 40)).toFloats());
        assertThat(found[7]).isEqualTo(1e4f);
        for (int i = 0; i < 40; i++) {
            assertThat(found[i]).isCloseTo(x[i], within(0.05f));
        }
    }

    @Test
    void gradientsPassRoundingAndStopWhereAStaticRangeClips() {
        TorchScope.run(() -> {
            TorchTensor x =
                    TorchTensor.of(new float[] {0.1f, 0.2f, 100, -100}, 1, 4).requireGrad();
            FakeQuant.activations(ActivationScheme.fixed(8, true), new QuantParams(0.01f, 128), x)
                    .sum()
                    .backward();
            assertThat(x.grad().orElseThrow().toFloats()).containsExactly(1, 1, 0, 0);
            TorchTensor y = TorchTensor.of(values(8, 9), 1, 8).requireGrad();
            FakeQuant.activations(ActivationScheme.dynamic(4, false), null, y)
                    .sum()
                    .backward();
            assertThat(y.grad().orElseThrow().isFinite()).isTrue();
        });
    }

    private static float[] values(int n, long seed) {
        Random random = new Random(seed);
        float[] x = new float[n];
        for (int i = 0; i < n; i++) {
            x[i] = (float) random.nextGaussian();
        }
        return x;
    }
}
