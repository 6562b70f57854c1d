package dev.quern.methods;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.quern.core.GroupedWeight;
import dev.quern.core.Int8Weight;
import dev.quern.core.PackedWeight;
import dev.quern.core.Tensor;
import dev.quern.core.VectorWeight;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TunedWeightTest {
    private static final int ROWS = 22;
    private static final int COLS = 32;

    private enum Kind {
        CENTROIDS,
        RESIDUAL,
        OUTLIERS,
        NO_NORM,
        GROUPS,
        SYMMETRIC_ROWS,
        GROUPS_IN_ANOTHER_ORDER
    }

    private static PackedWeight weight(Kind kind) {
        return switch (kind) {
            case RESIDUAL -> quantized(new Vptq(), Map.of("centroids", 16, "residual-centroids", 4));
            case OUTLIERS ->
                quantized(new Vptq(), Map.of("centroids", 16, "outliers", 10.0, "outlier-length", 2, "groups", 4));
            case NO_NORM -> quantized(new Vptq(), Map.of("centroids", 16, "norm", "none"));
            case CENTROIDS -> quantized(new Vptq(), Map.of("centroids", 16));
            case SYMMETRIC_ROWS -> quantized(new Gptq(), Map.of("bits", 3, "group-size", 0, "symmetric", true));
            case GROUPS -> quantized(new Gptq(), Map.of("bits", 2, "group-size", 8));
            case GROUPS_IN_ANOTHER_ORDER ->
                ((GroupedWeight) quantized(new Gptq(), Map.of("bits", 4, "group-size", 16))).withGroupIndex(index());
        };
    }

    private static int[] index() {
        int[] index = new int[COLS];
        for (int col = 0; col < COLS; col++) {
            index[col] = col * 7 % 2;
        }
        return index;
    }

    private static <C extends Record> PackedWeight quantized(WeightMethod<C> method, Map<String, Object> keys) {
        return method.quantize(
                        Seeded.task(ROWS, COLS, Seeded.hessian(COLS, 3), 4),
                        Step.of(method, keys).config())
                .weight();
    }

    @ParameterizedTest
    @EnumSource
    void whatIsNotTrainedYetIsTheStoredWeight(Kind kind) {
        PackedWeight stored = weight(kind);
        TunedWeight tuned = TunedWeight.of(stored).orElseThrow();
        float[] values = new float[ROWS * COLS];
        tuned.fill(0, ROWS, values);
        assertThat(values).containsExactly(stored.unpack());
        assertThat(tuned.pack().unpack()).containsExactly(stored.unpack());
        assertThat(codes(tuned.pack())).isSameAs(codes(stored));
    }

    private static Tensor codes(PackedWeight weight) {
        return weight instanceof GroupedWeight groups ? groups.qweight() : ((VectorWeight) weight).indices();
    }

    /// The weight is linear in each single parameter, so a difference quotient is the derivative.
    @ParameterizedTest
    @EnumSource
    void gradientsAreThoseOfDifferences(Kind kind) {
        TunedWeight tuned = TunedWeight.of(weight(kind)).orElseThrow();
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

    private static double dot(TunedWeight tuned, float[] pull, float[] values) {
        tuned.fill(0, ROWS, values);
        double sum = 0;
        for (int i = 0; i < pull.length; i++) {
            sum += (double) pull[i] * values[i];
        }
        return sum;
    }

    @Test
    void whatMovedIsWhatIsPacked() {
        TunedWeight tuned = TunedWeight.of(weight(Kind.GROUPS)).orElseThrow();
        float[] factors = tuned.parameters().getFirst();
        for (int i = 0; i < factors.length; i++) {
            factors[i] = 1 + 0.01f * (i % 5);
        }
        float[] values = new float[ROWS * COLS];
        tuned.fill(0, ROWS, values);
        float[] packed = tuned.pack().unpack();
        for (int i = 0; i < values.length; i++) {
            // scales are stored as float16
            assertThat(packed[i]).isCloseTo(values[i], within(1e-3f * Math.abs(values[i]) + 1e-7f));
        }
    }

    @Test
    void whatHasNoScalesOfItsOwnToMoveIsNotTrained() {
        GroupedWeight rows =
                (GroupedWeight) quantized(new Rtn(), Map.of("bits", 8, "group-size", 0, "symmetric", true));
        assertThat(TunedWeight.of(Int8Weight.of(rows))).isEmpty();
    }
}
