package dev.quern.methods;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.quern.core.DType;
import dev.quern.core.QuantParams;
import dev.quern.core.QuantScheme;
import java.util.Arrays;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.FloatRange;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The laws of uniform grids (Q1 to Q12 of the quantizers' specification).
final class GridTest {
    @ParameterizedTest
    @ValueSource(ints = {2, 3, 4, 5, 6, 8})
    void theCodeOfACodesValueIsThatCode(int bits) {
        Grid grid = fit(Seeded.floats(256, 1, bits), 4, 64, new QuantScheme(bits, 32, false), Range.MIN_MAX);
        for (int row = 0; row < 4; row++) {
            for (int group = 0; group < 2; group++) {
                for (int q = 0; q < 1 << bits; q++) {
                    assertThat(grid.code(row, group, grid.value(row, group, q))).isEqualTo(q);
                }
                assertThat(grid.value(row, group, grid.code(row, group, 0f))).isZero();
            }
        }
    }

    @Property(tries = 300)
    void theErrorInsideTheRangeIsAtMostHalfAStep(
            @ForAll @FloatRange(min = 0.01f, max = 10) float scale,
            @ForAll @IntRange(min = 0, max = 15) int zero,
            @ForAll @FloatRange(min = 0, max = 1) float place) {
        float x = scale * (15 * place - zero);
        int q = Grid.code(x, scale, zero, 15);
        assertThat(Math.abs(x - scale * (q - zero))).isLessThanOrEqualTo(scale / 2 * (1 + 1e-5f));
    }

    @Property(tries = 300)
    void largerValuesNeverGetSmallerCodes(
            @ForAll @FloatRange(min = 0.01f, max = 10) float scale,
            @ForAll @IntRange(min = 1, max = 7) int zero,
            @ForAll float a,
            @ForAll float b) {
        assertThat(Grid.code(Math.min(a, b), scale, zero, 7))
                .isLessThanOrEqualTo(Grid.code(Math.max(a, b), scale, zero, 7));
    }

    @Property(tries = 300)
    void codesAreThoseOfTheProjectsConvention(
            @ForAll @FloatRange(min = 0.01f, max = 10) float scale,
            @ForAll @IntRange(min = 0, max = 15) int zero,
            @ForAll @FloatRange(min = -100, max = 100) float x) {
        assertThat(Grid.code(x, scale, zero, 15)).isEqualTo(new QuantParams(scale, zero).quantize(x, 15));
    }

    @Property(tries = 300)
    void aSymmetricGridTreatsBothSignsAlikeWithinTheNarrowRange(
            @ForAll @FloatRange(min = 0.01f, max = 10) float scale, @ForAll @FloatRange(min = 0, max = 7) float steps) {
        float x = steps * scale;
        assertThat(Grid.code(x, scale, 8, 15) - 8).isEqualTo(8 - Grid.code(-x, scale, 8, 15));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void multiplyingByAPowerOfTwoChangesTheScalesAlone(boolean symmetric) {
        float[] x = Seeded.floats(512, 0.1, 7);
        float[] eightfold = new float[x.length];
        for (int i = 0; i < x.length; i++) {
            eightfold[i] = 8 * x[i];
        }
        QuantScheme scheme = new QuantScheme(4, 32, symmetric);
        for (Range range : Range.values()) {
            Grid one = fit(x, 4, 128, scheme, range);
            Grid eight = fit(eightfold, 4, 128, scheme, range);
            assertThat(Rtn.codes(eightfold, eight, Parallel.SERIAL)).isEqualTo(Rtn.codes(x, one, Parallel.SERIAL));
            for (int row = 0; row < 4; row++) {
                for (int group = 0; group < 4; group++) {
                    assertThat(eight.scale(row, group)).isEqualTo(8 * one.scale(row, group));
                    assertThat(eight.zero(row, group)).isEqualTo(one.zero(row, group));
                }
            }
        }
    }

    @Property(tries = 60)
    void theSearchedRangeIsNeverWorseThanMinMax(
            @ForAll long seed, @ForAll boolean symmetric, @ForAll @IntRange(min = 2, max = 4) int bits) {
        float[] x = Seeded.floats(256, 1, seed);
        QuantScheme scheme = new QuantScheme(bits, 64, symmetric);
        assertThat(error(x, fit(x, 2, 128, scheme, Range.MSE)))
                .isLessThanOrEqualTo(error(x, fit(x, 2, 128, scheme, Range.MIN_MAX)));
    }

    @Test
    void theSearchHeedsTheImportanceOfInputs() {
        float[] x = Seeded.floats(64, 0.05, 11);
        x[9] = 1;
        double[] importance = new double[64];
        Arrays.fill(importance, 1);
        QuantScheme scheme = new QuantScheme(3, 64, false);
        importance[9] = 1e-6;
        Grid careless = GridSearch.fit(x, 1, 64, scheme, Range.MSE, importance, Parallel.SERIAL);
        importance[9] = 1e6;
        Grid careful = GridSearch.fit(x, 1, 64, scheme, Range.MSE, importance, Parallel.SERIAL);
        assertThat(Math.abs(1 - careful.value(0, 0, careful.code(0, 0, 1f)))).isLessThan(0.01f);
        assertThat(careless.scale(0, 0)).isLessThan(careful.scale(0, 0) / 2);
    }

    @Test
    void aGroupAsLongAsTheRowIsTheWholeRow() {
        float[] x = Seeded.floats(256, 1, 3);
        Grid named = fit(x, 4, 64, new QuantScheme(4, 64, false), Range.MSE);
        Grid whole = fit(x, 4, 64, new QuantScheme(4, 0, false), Range.MSE);
        assertThat(Rtn.codes(x, whole, Parallel.SERIAL)).isEqualTo(Rtn.codes(x, named, Parallel.SERIAL));
        assertThat(whole.groups()).isEqualTo(1);
    }

    @Test
    void groupsOfOneAreExactUpToTheScalesRounding() {
        float[] x = Seeded.floats(64, 1, 5);
        Grid grid = fit(x, 1, 64, new QuantScheme(4, 1, false), Range.MIN_MAX);
        for (int i = 0; i < x.length; i++) {
            float value = grid.value(0, i, grid.code(0, i, x[i]));
            assertThat(value).isCloseTo(x[i], within(Math.abs(x[i]) * 0x1p-10f));
        }
    }

    @Test
    void sixteenBitsAreNearlyTheIdentity() {
        QuantParams fine = new QuantParams(8f / 65535, 32768);
        for (float x : Seeded.floats(1000, 1, 1)) {
            assertThat(fine.dequantize(fine.quantize(x, 65535))).isCloseTo(x, within(8f / 65535));
        }
    }

    @Test
    void theWorkedExampleOfTheSpecificationHolds() {
        float[] x = {-1.5f, 0, 1, 1.5f, 2.5f};
        Grid grid = fit(x, 1, 5, new QuantScheme(8, 0, false, DType.F32), Range.MIN_MAX);
        assertThat(grid.scale(0, 0)).isCloseTo(0.0156863f, within(1e-7f));
        assertThat(grid.zero(0, 0)).isEqualTo(-32 + 128);
        byte[] codes = Rtn.codes(x, grid, Parallel.SERIAL);
        int[] signed = new int[x.length];
        for (int i = 0; i < x.length; i++) {
            signed[i] = Byte.toUnsignedInt(codes[i]) - 128;
        }
        assertThat(signed).containsExactly(-128, -32, 32, 64, 127);
    }

    @Test
    void zeroPointsFitTheLayoutThatStoresThemLessOne() {
        float[] positive = {0.5f, 1, 2, 3, 4, 5, 6, 7};
        for (Range range : Range.values()) {
            Grid grid = fit(positive, 1, 8, new QuantScheme(2, 0, false), range);
            assertThat(grid.zero(0, 0)).isPositive();
            assertThat(grid.value(0, 0, grid.code(0, 0, 0f))).isZero();
        }
    }

    @Test
    void aGroupOfZerosStaysZero() {
        Grid grid = fit(new float[32], 1, 32, new QuantScheme(4, 32, false), Range.MSE);
        assertThat(grid.scale(0, 0)).isPositive();
        assertThat(grid.value(0, 0, grid.code(0, 0, 0f))).isZero();
    }

    @Test
    void scalesAreAsTheFileHoldsThem() {
        Grid grid = fit(Seeded.floats(4096, 1e-3, 2), 4, 1024, new QuantScheme(4, 32, false), Range.MSE);
        for (int row = 0; row < 4; row++) {
            for (int group = 0; group < grid.groups(); group++) {
                float scale = grid.scale(row, group);
                assertThat(Float.float16ToFloat(Float.floatToFloat16(scale))).isEqualTo(scale);
            }
        }
    }

    private static Grid fit(float[] x, int rows, int cols, QuantScheme scheme, Range range) {
        return GridSearch.fit(x, rows, cols, scheme, range, null, Parallel.SERIAL);
    }

    private static double error(float[] x, Grid grid) {
        double sum = 0;
        for (int i = 0; i < x.length; i++) {
            int row = i / grid.cols();
            int group = i % grid.cols() / grid.groupSize();
            double gap = x[i] - grid.value(row, group, grid.code(row, group, x[i]));
            sum += gap * gap;
        }
        return sum;
    }
}
