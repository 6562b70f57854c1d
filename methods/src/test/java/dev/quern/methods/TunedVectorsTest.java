package dev.quern.methods;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.quern.core.VectorWeight;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TunedVectorsTest {
    private static final int ROWS = 22;
    private static final int COLS = 24;

    private static VectorWeight weight(String kind) {
        Map<String, Object> values = switch (kind) {
            case "residual" -> Map.of("centroids", 16, "residual-centroids", 4);
            case "outliers" -> Map.of("centroids", 16, "outliers", 10.0, "outlier-length", 2, "groups", 3);
            case "no norm" -> Map.of("centroids", 16, "norm", "none");
            default -> Map.of("centroids", 16);
        };
        Vptq method = new Vptq();
        return (VectorWeight) method.quantize(
                        Seeded.task(ROWS, COLS, Seeded.hessian(COLS, 3), 4),
                        Step.of(method, values).config())
                .weight();
    }

    @ParameterizedTest
    @ValueSource(strings = {"plain", "residual", "outliers", "no norm"})
    void whatIsNotTrainedYetIsTheStoredWeight(String kind) {
        VectorWeight stored = weight(kind);
        TunedVectors tuned = new TunedVectors(stored);
        float[] values = new float[ROWS * COLS];
        tuned.fill(0, ROWS, values);
        assertThat(values).containsExactly(stored.unpack());
        assertThat(tuned.pack().unpack()).containsExactly(stored.unpack());
        assertThat(tuned.pack().indices()).isSameAs(stored.indices());
    }

    /// The weight is linear in each single parameter, so a difference quotient is the derivative.
    @ParameterizedTest
    @ValueSource(strings = {"plain", "residual", "outliers", "no norm"})
    void gradientsAreThoseOfDifferences(String kind) {
        TunedVectors tuned = new TunedVectors(weight(kind));
        float[] pull = Seeded.floats(ROWS * COLS, 1, 5);
        List<double[]> gradients = tuned.zeros();
        tuned.gradients(pull, gradients);
        float[] values = new float[ROWS * COLS];
        for (int p = 0; p < gradients.size(); p++) {
            float[] parameter = tuned.parameters().get(p);
            for (int k = 0; k < parameter.length; k += 1 + parameter.length / 9) {
                float was = parameter[k];
                float step = 0.25f;
                parameter[k] = was + step;
                double up = dot(tuned, pull, values);
                parameter[k] = was - step;
                double down = dot(tuned, pull, values);
                parameter[k] = was;
                double wanted = (up - down) / (2 * step);
                assertThat(gradients.get(p)[k])
                        .as("parameter %d, element %d", p, k)
                        .isCloseTo(wanted, within(1e-3 * (1 + Math.abs(wanted))));
            }
        }
    }

    private static double dot(TunedVectors tuned, float[] pull, float[] values) {
        tuned.fill(0, ROWS, values);
        double sum = 0;
        for (int i = 0; i < pull.length; i++) {
            sum += (double) pull[i] * values[i];
        }
        return sum;
    }
}
