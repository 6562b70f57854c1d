package dev.quern.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NoLeaks.class)
class AdamWTest {
    @Test
    void threeStepsAreThoseOfThePaper() {
        double[] gradients = {0.5, -1, 2};
        double b1 = 0.9;
        double b2 = 0.95;
        double rate = 0.1;
        double w = 1;
        double m = 0;
        double v = 0;
        for (int t = 1; t <= 3; t++) {
            double g = gradients[t - 1];
            m = b1 * m + (1 - b1) * g;
            v = b2 * v + (1 - b2) * g * g;
            w -= rate * 0.1 * w;
            w -= rate * (m / (1 - Math.pow(b1, t))) / (Math.sqrt(v / (1 - Math.pow(b2, t))) + 1e-8);
        }
        double expected = w;
        TorchScope.run(() -> {
            TorchTensor matrix = TorchTensor.full(1, 1, 1).requireGrad();
            try (AdamW adam = new AdamW(List.of(matrix), AdamW.Config.DEFAULT)) {
                for (double g : gradients) {
                    adam.step(List.of(TorchTensor.full(g, 1, 1)), rate);
                }
            }
            assertThat(matrix.item()).isCloseTo(expected, within(1e-6));
        });
    }

    @Test
    void vectorsDoNotDecay() {
        TorchScope.run(() -> {
            TorchTensor vector = TorchTensor.full(1, 1);
            try (AdamW adam = new AdamW(List.of(vector), AdamW.Config.DEFAULT)) {
                adam.step(List.of(TorchTensor.zeros(1)), 0.1);
            }
            assertThat(vector.item()).isEqualTo(1);
        });
    }

    @Test
    void aRestoredOptimizerGoesOnAsIfNeverStopped() {
        TorchScope.run(() -> {
            TorchTensor steady = TorchTensor.full(1, 2, 3);
            TorchTensor stopped = TorchTensor.full(1, 2, 3);
            try (AdamW whole = new AdamW(List.of(steady), AdamW.Config.DEFAULT);
                    AdamW first = new AdamW(List.of(stopped), AdamW.Config.DEFAULT);
                    AdamW second = new AdamW(List.of(stopped), AdamW.Config.DEFAULT)) {
                for (int i = 1; i <= 6; i++) {
                    whole.step(List.of(TorchTensor.full(Math.sin(i), 2, 3)), 0.1);
                }
                for (int i = 1; i <= 3; i++) {
                    first.step(List.of(TorchTensor.full(Math.sin(i), 2, 3)), 0.1);
                }
                second.restore(first.state());
                for (int i = 4; i <= 6; i++) {
                    second.step(List.of(TorchTensor.full(Math.sin(i), 2, 3)), 0.1);
                }
            }
            assertThat(stopped.toFloats()).isEqualTo(steady.toFloats());
        });
    }

    @Test
    void clippingKeepsTheDirectionAndBoundsTheNorm() {
        TorchScope.run(() -> {
            List<TorchTensor> gradients = List.of(TorchTensor.full(3, 1), TorchTensor.full(4, 1));
            assertThat(AdamW.clip(gradients, 1)).isCloseTo(5, within(1e-6));
            assertThat(gradients.get(0).item()).isCloseTo(0.6, within(1e-6));
            assertThat(gradients.get(1).item()).isCloseTo(0.8, within(1e-6));
            assertThat(AdamW.clip(gradients, 2)).isCloseTo(1, within(1e-6));
            assertThat(gradients.get(0).item()).isCloseTo(0.6, within(1e-6));
        });
    }

    @Test
    void theRateRisesThenFallsToTheFloor() {
        LearningRate rate = LearningRate.cosine(1, 0.1, 10, 110);
        assertThat(rate.at(0)).isCloseTo(0.1, within(1e-12));
        assertThat(rate.at(9)).isCloseTo(1, within(1e-12));
        assertThat(rate.at(60)).isCloseTo(0.55, within(1e-12));
        assertThat(rate.at(110)).isCloseTo(0.1, within(1e-12));
    }
}
