package dev.quern.methods;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.quern.core.GroupedWeight;
import dev.quern.core.QuantScheme;
import dev.quern.core.UsageException;
import java.util.Arrays;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

/// The laws of GPTQ (G1 to G12 of its specification) on whole layers; those of the column loop are in `ColumnLoopTest`.
final class GptqTest {
    private static final Gptq METHOD = new Gptq();

    private static Gptq.Config config(Map<String, ?> values) {
        return Step.of(METHOD, values).config();
    }

    private static Gptq.Config plain(int bits, double damping) {
        return config(Map.of(
                "bits", bits, "group-size", 16, "range", "min-max", "retarget", 0, "refine", 0, "damping", damping));
    }

    private static byte[] codes(QuantizedLinear result) {
        GroupedWeight weight = (GroupedWeight) result.weight();
        byte[] codes = new byte[weight.rows() * weight.cols()];
        for (int row = 0; row < weight.rows(); row++) {
            weight.unpackCodes(row, codes, row * weight.cols());
        }
        return codes;
    }

    @Test
    void hugeDampingIsRoundToNearestBitForBit() {
        LinearTask task = Seeded.task(32, 64, Seeded.hessian(64, 1), 2);
        QuantizedLinear nearest = new Rtn().quantize(task, new Rtn.Config(3, 16, false, Range.MIN_MAX));
        assertThat(codes(METHOD.quantize(task, plain(3, 1e12)))).isEqualTo(codes(nearest));
        assertThat(codes(METHOD.quantize(task, plain(3, 0.01)))).isNotEqualTo(codes(nearest));
    }

    @Test
    void equallyImportantInputsGiveRoundToNearest() {
        LinearTask task = Seeded.task(32, 64, Hessian.identity(64), 2);
        QuantizedLinear nearest = new Rtn().quantize(task, new Rtn.Config(4, 16, false, Range.MIN_MAX));
        assertThat(codes(METHOD.quantize(task, plain(4, 0)))).isEqualTo(codes(nearest));
    }

    @Test
    void inputsThatDoNotHangTogetherGiveRoundToNearestInAnyOrder() {
        double[] h = new double[64 * 64];
        for (int i = 0; i < 64; i++) {
            h[i * 64 + i] = 1 + i * 37 % 11;
        }
        LinearTask task = Seeded.task(32, 64, new Hessian(64, h, null, 64, 0), 2);
        QuantizedLinear nearest = new Rtn().quantize(task, new Rtn.Config(3, 16, false, Range.MIN_MAX));
        assertThat(codes(METHOD.quantize(task, plain(3, 0.01)))).isEqualTo(codes(nearest));
    }

    @Test
    void weightsOnTheGridStayAsTheyAre() {
        LinearTask any = Seeded.task(32, 64, Seeded.hessian(64, 3), 4);
        float[] onGrid = new Rtn()
                .quantize(any, new Rtn.Config(4, 16, false, Range.MIN_MAX))
                .weight()
                .unpack();
        LinearTask task = Seeded.task(32, 64, onGrid, Seeded.hessian(64, 3), Parallel.SERIAL);
        QuantizedLinear result = METHOD.quantize(task, plain(4, 0.01));
        assertThat(result.weight().unpack()).isEqualTo(onGrid);
        assertThat(result.relativeError()).isZero();
    }

    @Property(tries = 25)
    void lossIsNeverAboveRoundToNearestOnTheSameGrid(@ForAll long seed, @ForAll @IntRange(min = 2, max = 4) int bits) {
        Hessian hessian = Seeded.hessian(64, seed);
        LinearTask task = Seeded.task(8, 64, hessian, seed + 1);
        double lost = loss(task, METHOD.quantize(task, plain(bits, 0.01)));
        Rtn.Config nearest = new Rtn.Config(bits, 16, false, Range.MIN_MAX);
        // the safeguard measures with the damped Hessian; 0.01 of the mean diagonal is what may lie between
        assertThat(lost).isLessThanOrEqualTo(1.05 * loss(task, new Rtn().quantize(task, nearest)));
    }

    @Test
    void lossFallsWellBelowRoundToNearestOnInputsThatHangTogether() {
        double gptq = 0;
        double refined = 0;
        double nearest = 0;
        for (int seed = 0; seed < 8; seed++) {
            LinearTask task = Seeded.task(32, 64, Seeded.hessian(64, seed), seed + 100);
            gptq += loss(task, METHOD.quantize(task, plain(3, 0.01)));
            refined += loss(task, METHOD.quantize(task, config(Map.of("bits", 3, "group-size", 16, "retarget", 0))));
            nearest += loss(task, new Rtn().quantize(task, new Rtn.Config(3, 16, false, Range.MIN_MAX)));
        }
        assertThat(gptq).isLessThan(0.6 * nearest);
        assertThat(refined).isLessThan(0.8 * gptq);
    }

    @Test
    void rowsDoNotSeeEachOther() {
        Hessian hessian = Seeded.drifted(64, 0.1, 5);
        LinearTask task = Seeded.task(96, 64, hessian, 6);
        float[] turned = new float[task.weight().length];
        for (int row = 0; row < 96; row++) {
            System.arraycopy(task.weight(), row * 64, turned, (95 - row) * 64, 64);
        }
        byte[] codes = codes(METHOD.quantize(task, config(Map.of("group-size", 16))));
        byte[] others = codes(METHOD.quantize(
                Seeded.task(96, 64, turned, hessian, Parallel.SERIAL), config(Map.of("group-size", 16))));
        for (int row = 0; row < 96; row++) {
            assertThat(Arrays.copyOfRange(others, (95 - row) * 64, (96 - row) * 64))
                    .isEqualTo(Arrays.copyOfRange(codes, row * 64, (row + 1) * 64));
        }
    }

    @Test
    void resultsDoNotDependOnTheNumberOfThreads() {
        float[] weight = Seeded.floats(200 * 96, 0.05, 8);
        Gptq.Config config = config(Map.of("group-size", 32));
        QuantizedLinear serial =
                METHOD.quantize(Seeded.task(200, 96, weight, Seeded.drifted(96, 0.1, 7), Parallel.SERIAL), config);
        QuantizedLinear scattered =
                METHOD.quantize(Seeded.task(200, 96, weight, Seeded.drifted(96, 0.1, 7), Seeded.SCATTERED), config);
        assertThat(codes(scattered)).isEqualTo(codes(serial));
        assertThat(scattered.weight().unpack()).isEqualTo(serial.weight().unpack());
        assertThat(scattered.relativeError()).isEqualTo(serial.relativeError());
    }

    @Test
    void withoutDriftThereIsNothingToRetarget() {
        Hessian h = Seeded.hessian(64, 9);
        Hessian still = new Hessian(64, h.h(), new double[64 * 64], h.tokens(), 0);
        byte[] with =
                codes(METHOD.quantize(Seeded.task(32, 64, still, 1), config(Map.of("group-size", 16, "retarget", 1))));
        byte[] without =
                codes(METHOD.quantize(Seeded.task(32, 64, h, 1), config(Map.of("group-size", 16, "retarget", 0))));
        assertThat(with).isEqualTo(without);
    }

    @Test
    void retargetingBringsTheOutputsNearerToTheFloatModels() {
        int size = 48;
        int tokens = 40 * size;
        float[] exact = Seeded.inputs(tokens, size, 21);
        float[] x = exact.clone();
        for (int i = 0; i < x.length; i++) {
            x[i] = 0.8f * x[i] + 0.2f * x[i - i % size];
        }
        HessianSum sum = new HessianSum(size, true, Parallel.SERIAL);
        sum.add(x.clone(), exact.clone(), tokens);
        Hessian hessian = sum.finish();
        LinearTask task = Seeded.task(32, size, hessian, 22);
        double with = drifted(task, exact, x, config(Map.of("group-size", 16, "retarget", 1)));
        double without = drifted(task, exact, x, config(Map.of("group-size", 16, "retarget", 0)));
        assertThat(with).isLessThan(0.5 * without);
    }

    /// `‖W·X_float − Ŵ·X‖²`.
    private static double drifted(LinearTask task, float[] exact, float[] x, Gptq.Config config) {
        float[] other = METHOD.quantize(task, config).weight().unpack();
        int n = task.cols();
        double sum = 0;
        for (int at = 0; at < x.length; at += n) {
            for (int row = 0; row < task.rows(); row++) {
                double gap = 0;
                for (int i = 0; i < n; i++) {
                    gap += (double) task.weight()[row * n + i] * exact[at + i]
                            - (double) other[row * n + i] * x[at + i];
                }
                sum += gap * gap;
            }
        }
        return sum;
    }

    @Test
    void deadInputsGetTheCodeOfZeroAndChangeNothingElse() {
        int size = 64;
        float[] x = Seeded.inputs(4 * size, size, 12);
        for (int at = 5; at < x.length; at += size) {
            x[at] = 0;
        }
        HessianSum sum = new HessianSum(size, false, Parallel.SERIAL);
        sum.add(x, null, 4 * size);
        Hessian hessian = sum.finish();
        LinearTask task = Seeded.task(32, size, hessian, 13);
        QuantizedLinear result = METHOD.quantize(task, config(Map.of("group-size", 16)));
        float[] weight = result.weight().unpack();
        for (int at = 5; at < weight.length; at += size) {
            assertThat(weight[at]).isZero();
        }
        assertThat(result.notes()).anyMatch(note -> note.contains("always zero"));
        assertThat(result.fallback()).isNull();
        assertThat(loss(task, result)).isLessThan(0.05 * energy(task));
    }

    @Test
    void theReportedErrorIsThatOfTheStoredWeights() {
        Hessian hessian = Seeded.hessian(64, 14);
        LinearTask task = Seeded.task(32, 64, hessian, 15);
        QuantizedLinear result = METHOD.quantize(task, config(Map.of("group-size", 16, "damping", 0, "retarget", 0)));
        assertThat(result.relativeError()).isCloseTo(loss(task, result) / energy(task), within(1e-6));
    }

    @Test
    void aSingularHessianClimbsTheDampingLadderAndSaysSo() {
        int size = 64;
        HessianSum sum = new HessianSum(size, false, Parallel.SERIAL);
        sum.add(Seeded.inputs(16, size, 16), null, 16);
        LinearTask task = Seeded.task(32, size, sum.finish(), 17);
        QuantizedLinear result = METHOD.quantize(task, config(Map.of("group-size", 16, "damping", 0)));
        assertThat(result.fallback()).startsWith("damping raised to 0.01");
    }

    @Test
    void aHessianThatIsNoneFallsBackToRoundToNearestAndSaysSo() {
        double[] h = Seeded.hessian(64, 18).h().clone();
        h[0] = Double.NaN;
        LinearTask task = Seeded.task(32, 64, new Hessian(64, h, null, 1, 0), 19);
        QuantizedLinear result = METHOD.quantize(task, config(Map.of("group-size", 16)));
        assertThat(result.fallback()).startsWith("rtn");
    }

    @Test
    void tokensThatAreNotFiniteAreLeftOutAndCounted() {
        int size = 64;
        float[] x = Seeded.inputs(4 * size, size, 20);
        x[3 * size + 7] = Float.POSITIVE_INFINITY;
        x[9 * size] = Float.NaN;
        HessianSum sum = new HessianSum(size, false, Parallel.SERIAL);
        sum.add(x, null, 4 * size);
        QuantizedLinear result =
                METHOD.quantize(Seeded.task(32, size, sum.finish(), 1), config(Map.of("group-size", 16)));
        assertThat(result.notes()).anyMatch(note -> note.startsWith("2 tokens"));
    }

    @Test
    void settingsOutOfTheirRangeAreRefused() {
        for (Map<String, ?> wrong : java.util.List.of(
                Map.of("bits", 7),
                Map.of("damping", -1),
                Map.of("block-size", 0),
                Map.of("retarget", 2),
                Map.of("refine", -1),
                Map.of("group-size", -1))) {
            assertThatThrownBy(() -> config(wrong)).isInstanceOf(UsageException.class);
        }
    }

    @Test
    void symmetricGridsHaveTheirZeroPointInTheMiddle() {
        LinearTask task = Seeded.task(32, 64, Seeded.hessian(64, 1), 2);
        QuantizedLinear result = METHOD.quantize(task, config(Map.of("symmetric", true, "group-size", 32)));
        for (short zero : ((GroupedWeight) result.weight()).zeroPoints()) {
            assertThat(zero).isEqualTo((short) 8);
        }
        assertThat(METHOD.format(config(Map.of("symmetric", true))))
                .isEqualTo(new WeightFormat.Grouped(new QuantScheme(4, 128, true)));
    }

    private static double loss(LinearTask task, QuantizedLinear result) {
        return Seeded.loss(
                task.weight(), result.weight().unpack(), task.requireHessian().h(), task.cols());
    }

    private static double energy(LinearTask task) {
        return Seeded.loss(
                task.weight(),
                new float[task.weight().length],
                task.requireHessian().h(),
                task.cols());
    }
}
