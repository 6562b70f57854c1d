package dev.quern.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.quern.core.Codebook;
import dev.quern.core.DType;
import dev.quern.core.VectorWeight;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Look-ups in registers: the sums that `LookupProgram` promises, to the bit, and how near they are to the books.
class LookupKernelTest {
    private static final Workers ONE = Workers.of(1);
    private static final Workers THREE = Workers.of(3);
    private static final LookupKernel KERNEL = new LookupKernel();
    private static final float GUARD = 12345.678f;

    /// Length, centroids of both stages.
    private static final int[][] SHAPES = {
        {4, 256, 0},
        {4, 16, 0},
        {4, 64, 64},
        {4, 128, 0},
        {4, 512, 0},
        {4, 512, 256},
        {3, 512, 0},
        {3, 256, 128},
        {2, 64, 0},
        {1, 16, 0},
        {6, 256, 32},
        {8, 256, 0},
        {8, 256, 256},
        {12, 256, 0},
        {16, 128, 0}
    };

    record Case(int length, int size, int residual, int rows, int cols, int levels) {
        VectorWeight weight() {
            int[] shape = {length, size, residual, 1, 0, 0};
            return SampleVectors.vectors(rows, cols, shape, new Random(length * 31L + size + rows));
        }

        LookupLinear linear() {
            InputPrecision inputs = levels == 1 ? InputPrecision.INT8 : InputPrecision.INT16;
            return (LookupLinear) KERNEL.prepare(weight(), inputs);
        }
    }

    @BeforeEach
    void runsHere() {
        assumeTrue(MachineCode.looksUp(), "no look-ups: " + MachineCode.describe());
    }

    @AfterAll
    static void close() {
        ONE.close();
        THREE.close();
    }

    static Stream<Case> cases() {
        List<Case> cases = new ArrayList<>();
        for (int[] shape : SHAPES) {
            for (int[] size : new int[][] {{1, 32}, {67, 130}, {200, 512}, {64, 5}}) {
                for (int levels = 1; levels <= 2; levels++) {
                    cases.add(new Case(shape[0], shape[1], shape[2], size[0], size[1], levels));
                }
            }
        }
        return cases.stream();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void sumsAreThoseOfTheOracleToTheBit(Case c) {
        LookupLinear linear = c.linear();
        for (int tokens = 1; tokens <= 3; tokens++) {
            float[] x = SampleWeights.floats(3 + tokens * c.cols, new Random(tokens));
            float[] y = new float[tokens * c.rows + 140];
            Arrays.fill(y, GUARD);
            linear.multiply(x, 3, tokens, y, 70, THREE);
            for (int t = 0; t < tokens; t++) {
                CodedInputs coded = CodedInputs.of(linear, x, 3 + t * c.cols);
                for (int row = 0; row < c.rows; row++) {
                    assertThat(y[70 + t * c.rows + row])
                            .as("token %d, row %d", t, row)
                            .isEqualTo(product(linear, row, coded, c.residual > 0 ? 2 : 1));
                }
            }
            for (int i = 0; i < 70; i++) {
                assertThat(y[i]).isEqualTo(GUARD);
                assertThat(y[y.length - 1 - i]).isEqualTo(GUARD);
            }
            float[] alone = new float[tokens * c.rows];
            linear.multiply(x, 3, tokens, alone, 0, ONE);
            assertThat(alone).as("threads").isEqualTo(Arrays.copyOfRange(y, 70, 70 + alone.length));
        }
    }

    /// What `LookupProgram` says, in plain Java.
    private static float product(LookupLinear linear, int row, CodedInputs coded, int stages) {
        LookupPanels panels = linear.panels();
        int length = linear.program().shape().length();
        boolean bytes = linear.levels() == 1;
        float y = 0;
        float s = 0;
        for (int b = 0; b < linear.blocks(); b++) {
            int[] sums = new int[4];
            int inputs = 0;
            for (int place = b * 32; place < b * 32 + 32; place++) {
                int code = coded.codes()[place];
                int high = bytes ? code : CodedInputs.high(code);
                int low = code - 256 * high;
                inputs += code;
                for (int stage = 0; stage < stages; stage++) {
                    int u = panels.tables().number(stage, row % length, panels.index(stage, row / length, place));
                    sums[0] += (u >> 8) * high;
                    sums[1] += (u & 255) * high;
                    sums[2] += (u >> 8) * low;
                    sums[3] += (u & 255) * low;
                }
            }
            int whole = 256 * sums[0] + sums[1];
            if (!bytes) {
                whole += sums[2] + (sums[3] >> 8);
            }
            whole -= stages * (bytes ? 32768 : 128) * inputs;
            y = Math.fma((float) whole, coded.scales()[b], y);
            s += coded.scales()[b] * inputs;
        }
        return Math.fma(y, panels.tables().scale(row % length), panels.tables().middle(row % length) * s);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void productsAreThoseOfTheBooksUpToTheirRounding(Case c) {
        LookupLinear linear = c.linear();
        float[] w = c.weight().unpack();
        float[] x = SampleWeights.floats(c.cols, new Random(5));
        float[] y = new float[c.rows];
        linear.multiply(x, 0, 1, y, 0, ONE);
        CodedInputs coded = CodedInputs.of(linear, x, 0);
        int stages = c.residual > 0 ? 2 : 1;
        for (int row = 0; row < c.rows; row++) {
            double exact = 0;
            double bound = 0;
            double unit = linear.panels().tables().scale(row % c.length) / (c.levels == 2 ? 256 : 1);
            for (int k = 0; k < c.cols; k++) {
                double input = coded.rounded(k);
                exact += w[row * c.cols + k] * input;
                // half a unit of each stage; sums of floats as long as the row, of terms up to half the range
                bound += Math.abs(input) * unit * (stages * 0.51 + 32768 * (c.cols + 8) * 0x1p-24 * stages);
                bound += Math.abs(w[row * c.cols + k] * input) * (c.cols + 8) * 0x1p-24;
            }
            for (float scale : coded.scales()) {
                bound += scale * unit * 256;
            }
            assertThat(Math.abs(y[row] - exact)).as("row %d", row).isLessThanOrEqualTo(bound);
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void promptsReadTheBooksAsTheyAre(Case c) {
        float[] w = c.weight().unpack();
        LookupLinear linear = c.linear();
        int tokens = Math.max(PanelLinear.PROMPT, Math.min(70, c.cols));
        float[] x = new float[tokens * c.cols];
        for (int t = 0; t < tokens; t++) {
            x[t * c.cols + (c.cols - 1 - t % c.cols)] = 1;
        }
        float[] y = new float[tokens * c.rows];
        linear.multiply(x, 0, tokens, y, 0, THREE);
        float[] panel = new float[Panels.ROWS];
        linear.panels().dot(0, x, 0, new float[0], 0, panel, 0, new Scratch());
        for (int row = 0; row < c.rows; row++) {
            for (int t = 0; t < tokens; t++) {
                assertThat(y[t * c.rows + row]).isEqualTo(w[row * c.cols + c.cols - 1 - t % c.cols]);
            }
            if (row < Panels.ROWS) {
                assertThat(panel[row]).isEqualTo(y[row]);
            }
        }
    }

    @Test
    void booksWithoutRangeAndInputsThatAreNotFinite() {
        float[] same = new float[256 * 4];
        Arrays.fill(same, 0.5f);
        VectorWeight v = SampleVectors.vectors(64, 32, new int[] {4, 256, 0, 1, 0, 0}, new Random(1));
        VectorWeight flat = new VectorWeight(
                64, 32, Codebook.of(DType.F16, same, 4), null, null, 0, v.indices(), null, null, null, null);
        float[] x = new float[32];
        x[7] = 2;
        float[] y = new float[64];
        KERNEL.prepare(flat).multiply(x, 0, 1, y, 0, ONE);
        for (float value : y) {
            assertThat(value).isEqualTo(1f);
        }
        for (float value : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
            x[3] = value;
            KERNEL.prepare(v).multiply(x, 0, 1, y, 0, ONE);
            assertThat(y).containsOnly(Float.NaN);
        }
        same[5] = Float.POSITIVE_INFINITY;
        assertThat(KERNEL.supports(new VectorWeight(
                        64, 32, Codebook.of(DType.F16, same, 4), null, null, 0, v.indices(), null, null, null, null)))
                .isFalse();
    }

    @Test
    void outliersGroupsAndLargeBooksAreForTheOtherKernel() {
        for (int[] shape :
                new int[][] {{4, 1024, 0, 1, 0, 0}, {8, 64, 512, 1, 0, 0}, {4, 64, 0, 2, 0, 0}, {4, 64, 0, 1, 2, 0}}) {
            VectorWeight weight = SampleVectors.vectors(64, 64, shape, new Random(2));
            assertThat(Kernels.prepare(weight).kernel()).as(weight.encoding()).isEqualTo("vectors");
        }
        VectorWeight weight = SampleVectors.vectors(64, 64, new int[] {4, 64, 0, 1, 0, 1}, new Random(2));
        assertThat(Kernels.prepare(weight, InputPrecision.INT16).kernel()).isEqualTo("lookup");
        assertThat(Kernels.prepare(weight, InputPrecision.FLOAT).kernel()).isEqualTo("vectors");
    }
}
