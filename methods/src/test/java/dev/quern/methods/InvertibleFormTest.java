package dev.quern.methods;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.quern.torch.TorchScope;
import dev.quern.torch.TorchTensor;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class InvertibleFormTest {
    private static final int COUNT = 2;
    private static final int SIZE = 12;

    static Stream<InvertibleForm> forms() {
        return Stream.of(
                new SvdForm(1e3), new LuForm(0.5), new DominantForm(0.9), new DiagonalForm(), new DirectForm());
    }

    @ParameterizedTest
    @MethodSource("forms")
    void beginsAsTheDiagonalOfTheScales(InvertibleForm form) {
        double[] scales = scales();
        TorchScope.run(() -> {
            MatrixPair pair = build(form, form.begin("site", COUNT, SIZE, scales), null);
            double[] matrix = pair.matrix().toDoubles();
            for (int i = 0; i < matrix.length; i++) {
                int row = i / SIZE;
                double wanted = row % SIZE == i % SIZE ? scales[row] : 0;
                assertThat(matrix[i]).isCloseTo(wanted, within(1e-12));
            }
        });
    }

    @ParameterizedTest
    @MethodSource("forms")
    void matrixTimesInverseIsTheIdentityForAnyNumbers(InvertibleForm form) {
        TorchScope.run(() -> {
            for (long seed = 0; seed < 20; seed++) {
                MatrixPair pair = build(form, disturbed(form, 0.02 + 0.2 * seed, seed), null);
                if (!(form instanceof DirectForm)) {
                    assertThat(pair.residual()).isLessThan(1e-10);
                }
                assertThat(pair.condition()).isGreaterThanOrEqualTo(1);
            }
        });
    }

    @Test
    void svdKeepsTheConditionNumberBelowItsLimitForAnyNumbers() {
        SvdForm form = new SvdForm(1e3);
        TorchScope.run(() -> {
            List<Learned> learned = disturbed(form, 50, 1);
            MatrixPair pair = build(form, learned, null);
            // the 1-norm's condition number is at most n times the spectral one
            assertThat(pair.condition()).isLessThan(1e3 * SIZE);
            double largest = frobenius(pair.matrix()) / Math.sqrt(COUNT * SIZE);
            assertThat(largest).isLessThanOrEqualTo(Math.sqrt(1e3) * (1 + 1e-9));
        });
    }

    @Test
    void dominantFormIsDominantForAnyNumbersAndItsInverseBounded() {
        DominantForm form = new DominantForm(0.9);
        TorchScope.run(() -> {
            for (double spread : new double[] {0.1, 1, 100}) {
                MatrixPair pair = build(form, disturbed(form, spread, 5), null);
                assertThat(pair.dominanceMargin()).isGreaterThan(0.1 - 1e-9);
            }
        });
    }

    @ParameterizedTest
    @MethodSource("forms")
    void aStabilityFactorOfZeroLeavesTheDiagonalForm(InvertibleForm form) {
        List<Learned> learned = disturbed(form, 0.3, 3);
        double @Nullable [] mask = new GradualMask(5, 0, true).matrix(4, SIZE);
        TorchScope.run(() -> {
            double[] masked = build(form, learned, mask).matrix().toDoubles();
            learned.forEach(l -> l.shrink(0));
            double[] plain = build(form, learned, null).matrix().toDoubles();
            assertThat(masked).containsExactly(plain);
            for (int i = 0; i < plain.length; i++) {
                if (i / SIZE % SIZE != i % SIZE) {
                    assertThat(plain[i]).isZero();
                }
            }
        });
    }

    @ParameterizedTest
    @MethodSource("forms")
    void gradientsAreThoseOfDifferences(InvertibleForm form) {
        List<Learned> learned = disturbed(form, 0.3, 11);
        double @Nullable [] mask = new GradualMask(3, 0.7, true).matrix(1, SIZE);
        TorchScope.run(() -> {
            TorchTensor direction = random(7, COUNT, SIZE, SIZE);
            TorchTensor other = random(8, COUNT, SIZE, SIZE);
            List<TorchTensor> leaves =
                    leaves(learned).stream().map(TorchTensor::requireGrad).toList();
            loss(form, leaves, mask, direction, other).backward();
            for (int p = 0; p < learned.size(); p++) {
                double[] values = learned.get(p).values();
                double[] gradient = leaves.get(p).grad().orElseThrow().toDoubles();
                for (int at = 0; at < values.length; at += 7) {
                    double kept = values[at];
                    double step = 1e-5;
                    values[at] = kept + step;
                    double above =
                            loss(form, leaves(learned), mask, direction, other).item();
                    values[at] = kept - step;
                    double below =
                            loss(form, leaves(learned), mask, direction, other).item();
                    values[at] = kept;
                    double numeric = (above - below) / (2 * step);
                    assertThat(gradient[at]).isCloseTo(numeric, within(1e-6 * Math.max(1, Math.abs(numeric))));
                }
            }
        });
    }

    private static TorchTensor loss(
            InvertibleForm form,
            List<TorchTensor> leaves,
            double @Nullable [] mask,
            TorchTensor direction,
            TorchTensor other) {
        MatrixPair pair = form.build(leaves, mask == null ? null : TorchTensor.of(mask, SIZE, SIZE));
        return pair.matrix().mul(direction).sum().add(pair.inverse().mul(other).sum());
    }

    private static List<Learned> disturbed(InvertibleForm form, double spread, long seed) {
        List<Learned> learned = form.begin("site", COUNT, SIZE, scales());
        Random random = new Random(seed);
        for (Learned one : learned) {
            boolean others = one.part() == Learned.Part.MATRIX;
            double size = others ? spread : Math.min(spread, 0.2);
            for (int i = 0; i < one.values().length; i++) {
                one.values()[i] += size * random.nextGaussian();
            }
        }
        return learned;
    }

    private static double[] scales() {
        Random random = new Random(9);
        return random.doubles((long) COUNT * SIZE, 0.5, 2).toArray();
    }

    private static List<TorchTensor> leaves(List<Learned> learned) {
        return learned.stream().map(l -> TorchTensor.of(l.values(), l.shape())).toList();
    }

    private static MatrixPair build(InvertibleForm form, List<Learned> learned, double @Nullable [] mask) {
        return form.build(leaves(learned), mask == null ? null : TorchTensor.of(mask, SIZE, SIZE));
    }

    private static TorchTensor random(long seed, int... shape) {
        long[] sizes = Arrays.stream(shape).asLongStream().toArray();
        int count = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
        Random random = new Random(seed);
        double[] values = new double[count];
        for (int i = 0; i < count; i++) {
            values[i] = random.nextGaussian();
        }
        return TorchTensor.of(values, sizes);
    }

    private static double frobenius(TorchTensor matrix) {
        return Math.sqrt(matrix.square().sum().item());
    }
}
