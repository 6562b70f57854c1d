package dev.quern.methods;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.quern.core.QuantScheme;
import java.util.Map;
import org.junit.jupiter.api.Test;

/// OBQ against GPTQ, which is OBQ in an order given beforehand.
final class ObqTest {
    private static final int SIZE = 24;

    @Test
    void gptqInObqsOrderChoosesTheSameCodes() {
        for (int seed = 0; seed < 12; seed++) {
            Hessian hessian = Seeded.hessian(SIZE, seed);
            Damping natural = hessian.damped(0.01, false, Parallel.SERIAL).orElseThrow();
            float[] weight = Seeded.floats(SIZE, 0.05, seed + 50);
            Grid grid = GridSearch.fit(weight, 1, SIZE, new QuantScheme(3, 8, false), Range.MSE, null, Parallel.SERIAL);
            double[] target = new double[SIZE];
            for (int i = 0; i < SIZE; i++) {
                target[i] = weight[i];
            }
            ObqRow row = Obq.row(target, grid, 0, Obq.inverse(natural.factor(), Parallel.SERIAL));
            ColumnLoop loop = new ColumnLoop(target, grid, inOrder(natural, row.order()), 7);
            loop.run(Parallel.SERIAL);
            for (int col = 0; col < SIZE; col++) {
                double gptq = grid.value(0, col / 8, Byte.toUnsignedInt(loop.codes()[col]));
                assertThat(gptq).isEqualTo(row.values()[col]);
            }
            assertThat(row.loss()).isCloseTo(loop.losses()[0], within(1e-9 * row.loss()));
        }
    }

    private static Damping inOrder(Damping natural, int[] order) {
        double[] permuted = new double[SIZE * SIZE];
        for (int i = 0; i < SIZE; i++) {
            for (int j = 0; j < SIZE; j++) {
                permuted[i * SIZE + j] = natural.h()[order[i] * SIZE + order[j]];
            }
        }
        UpperFactor factor = UpperFactor.of(permuted, SIZE, Parallel.SERIAL).orElseThrow();
        return new Damping(natural.h(), factor, order, natural.dead(), null);
    }

    @Test
    void theReportedErrorIsThatOfTheStoredWeightsAndWellBelowRoundToNearest() {
        double obq = 0;
        double nearest = 0;
        for (int seed = 0; seed < 8; seed++) {
            Hessian hessian = Seeded.hessian(64, seed);
            LinearTask task = Seeded.task(16, 64, hessian, seed + 9);
            Obq.Config config = Step.of(new Obq(), Map.of("bits", 3, "group-size", 16, "damping", 1e-6))
                    .config();
            QuantizedLinear result = new Obq().quantize(task, config);
            double loss = Seeded.loss(task.weight(), result.weight().unpack(), hessian.h(), 64);
            double energy = Seeded.loss(task.weight(), new float[16 * 64], hessian.h(), 64);
            assertThat(result.fallback()).isNull();
            assertThat(result.relativeError()).isCloseTo(loss / energy, within(1e-3 * loss / energy));
            obq += loss;
            QuantizedLinear plain = new Rtn().quantize(task, new Rtn.Config(3, 16, false, Range.MSE));
            nearest += Seeded.loss(task.weight(), plain.weight().unpack(), hessian.h(), 64);
        }
        // the greedy order leaves the dearest weights to the end, where nothing can make up for them: on inputs of very
        // different size GPTQ's order by size does better
        assertThat(obq).isLessThan(0.7 * nearest);
    }

    @Test
    void aLargeLayerGoesToGptqAndSaysSo() {
        LinearTask task = Seeded.task(32, 64, Seeded.hessian(64, 1), 2);
        Obq.Config config =
                Step.of(new Obq(), Map.of("group-size", 32, "max-inputs", 32)).config();
        QuantizedLinear result = new Obq().quantize(task, config);
        assertThat(result.fallback()).startsWith("gptq");
        assertThat(result.weight().unpack())
                .isEqualTo(new Gptq().quantize(task, config.gptq()).weight().unpack());
    }
}
