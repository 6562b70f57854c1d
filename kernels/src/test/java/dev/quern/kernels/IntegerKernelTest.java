package dev.quern.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.quern.core.BlockType;
import dev.quern.core.BlockWeight;
import dev.quern.core.GroupedWeight;
import dev.quern.core.PackedWeight;
import dev.quern.kernels.SampleWeights.Sample;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The parity contract of kernels that round activations: every encoding × sizes × sets of instructions, to the bit.
class IntegerKernelTest {
    private static final Workers ONE = Workers.of(1);
    private static final Workers THREE = Workers.of(3);
    private static final IntegerKernel KERNEL = new IntegerKernel();
    private static final float GUARD = 12345.678f;

    /// The types whose grids machine code does not hold.
    private static final Set<BlockType> FLOATS = Set.of(BlockType.IQ3_S);

    record Case(MachineCode.Isa isa, int levels, Sample sample) {
        IntegerLinear linear() {
            return (IntegerLinear) KERNEL.prepare(sample.weight(), isa, levels);
        }

        @Override
        public String toString() {
            return isa.label() + ", inputs of " + 8 * levels + " bits: " + sample;
        }
    }

    @AfterAll
    static void close() {
        ONE.close();
        THREE.close();
    }

    static Stream<Case> cases() {
        List<Case> cases = new ArrayList<>();
        if (MachineCode.isa().isEmpty()) {
            return cases.stream();
        }
        List<Sample> samples = new ArrayList<>();
        samples.addAll(SampleWeights.all(1, 32, 1));
        samples.addAll(SampleWeights.all(67, 512, 2));
        samples.addAll(SampleWeights.all(3, 4098, 3));
        for (Sample sample : samples) {
            for (MachineCode.Isa isa : MachineCode.Isa.values()) {
                if (IntegerKernel.takes(sample.weight()) && isa.runsOn(MachineCode.Cpu.read())) {
                    cases.add(new Case(isa, 1, sample));
                    cases.add(new Case(isa, 2, sample));
                }
            }
        }
        return cases.stream();
    }

    @Test
    void everyEncodingAndSetOfInstructionsIsTestedWhereMachineCodeRuns() {
        assumeTrue(MachineCode.isa().isPresent(), "no machine code: " + MachineCode.describe());
        Set<BlockType> types = EnumSet.noneOf(BlockType.class);
        Set<Integer> widths = new TreeSet<>();
        Set<MachineCode.Isa> sets = EnumSet.noneOf(MachineCode.Isa.class);
        cases().forEach(c -> {
            sets.add(c.isa());
            switch (c.sample().weight()) {
                case BlockWeight blocks -> types.add(blocks.type());
                case GroupedWeight groups -> widths.add(groups.bits());
                default -> throw new AssertionError(c);
            }
        });
        assertThat(types).isEqualTo(EnumSet.complementOf(EnumSet.copyOf(FLOATS)));
        assertThat(widths).containsExactlyElementsOf(GroupedWeight.WIDTHS);
        assertThat(sets).contains(MachineCode.isa().orElseThrow());
    }

    @Test
    void floatsAreForOtherKernelsAndCodesForThisOne() {
        assumeTrue(MachineCode.isa().isPresent(), "no machine code: " + MachineCode.describe());
        PackedWeight weight = SampleWeights.randomBlocks(BlockType.Q4_0, 3, 64, new Random(1));
        assertThat(Kernels.prepare(weight, InputPrecision.FLOAT).kernel()).isEqualTo("block");
        for (InputPrecision codes : List.of(InputPrecision.INT16, InputPrecision.INT8)) {
            IntegerLinear linear = (IntegerLinear) Kernels.prepare(weight, codes);
            assertThat(linear.program().levels()).isEqualTo(codes.bytes);
        }
    }

    @ParameterizedTest(allowZeroInvocations = true)
    @MethodSource("cases")
    void panelsHoldEveryWeightAsUnpacked(Case c) {
        PackedWeight weight = c.sample().weight();
        IntegerLinear linear = c.linear();
        IntegerPanels panels = linear.panels();
        float[] expected = weight.unpack();
        for (int place = 0; place < linear.order().length(); place++) {
            int[] source = linear.order().source();
            int col = source == null ? place : source[place];
            for (int row = 0; row < weight.rows() && col >= 0; row++) {
                float scale = panels.scale(row, place);
                float value = switch (panels.format().shift()) {
                    case NONE -> scale * panels.code(row, place);
                    case ZERO -> scale * (panels.code(row, place) - panels.shift(row, place));
                    case MINIMUM -> scale * panels.code(row, place) + panels.shift(row, place);
                };
                // == : the sign of zero is not promised
                if (value != expected[row * weight.cols() + col]) {
                    assertThat(value).as("row %d, col %d", row, col).isEqualTo(expected[row * weight.cols() + col]);
                }
            }
        }
    }

    @ParameterizedTest(allowZeroInvocations = true)
    @MethodSource("cases")
    void productsAreThoseOfTheScalarOracleToTheBit(Case c) {
        IntegerLinear linear = c.linear();
        int rows = linear.rows();
        int cols = linear.cols();
        for (int tokens : new int[] {1, 2, 8, 13, 70}) {
            float[] x = SampleWeights.floats(tokens * cols, new Random(tokens));
            float[] y = new float[tokens * rows + 140];
            Arrays.fill(y, GUARD);
            linear.multiply(x, 0, tokens, y, 70, THREE);
            for (int t = 0; t < tokens; t += Math.max(1, tokens / 3)) {
                CodedInputs coded = CodedInputs.of(linear, x, t * cols);
                for (int row = 0; row < rows; row++) {
                    float wanted = PanelScalar.product(linear.panels(), row, coded.codes(), coded.scales());
                    float got = y[70 + t * rows + row];
                    if (got != wanted && !(Float.isNaN(got) && Float.isNaN(wanted))) {
                        assertThat(got)
                                .as("%d tokens, token %d, row %d", tokens, t, row)
                                .isEqualTo(wanted);
                    }
                }
            }
            for (int i = 0; i < 70; i++) {
                assertThat(y[i]).isEqualTo(GUARD);
                assertThat(y[y.length - 1 - i]).isEqualTo(GUARD);
            }
            float[] alone = new float[tokens * rows];
            linear.multiply(x, 0, tokens, alone, 0, ONE);
            assertThat(alone).as("threads").isEqualTo(Arrays.copyOfRange(y, 70, 70 + alone.length));
        }
    }

    @ParameterizedTest(allowZeroInvocations = true)
    @MethodSource("cases")
    void theOracleIsTheProductOfRoundedInputsWithinTheBoundOfFloats(Case c) {
        PackedWeight weight = c.sample().weight();
        IntegerLinear linear = c.linear();
        float[] w = weight.unpack();
        float[] magnitudes = SampleWeights.termMagnitudes(weight);
        int rows = weight.rows();
        int cols = weight.cols();
        float[] x = SampleWeights.floats(cols, new Random(3));
        float[] y = new float[rows];
        linear.multiply(x, 0, 1, y, 0, ONE);
        CodedInputs coded = CodedInputs.of(linear, x, 0);
        double[] rounded = new double[cols];
        for (int place = 0; place < linear.order().length(); place++) {
            int[] source = linear.order().source();
            int col = source == null ? place : source[place];
            if (col >= 0) {
                rounded[col] = (double) coded.codes()[place] * coded.scales()[place / 32];
                assertThat(Math.abs(rounded[col] - x[col])).isLessThanOrEqualTo(1.51 * coded.scales()[place / 32]);
            }
        }
        for (int row = 0; row < rows; row++) {
            double exact = 0;
            double terms = 0;
            for (int k = 0; k < cols; k++) {
                exact += w[row * cols + k] * rounded[k];
                terms += magnitudes[row * cols + k] * Math.abs(rounded[k]);
            }
            assertThat(Math.abs(y[row] - exact)).as("row %d", row).isLessThanOrEqualTo((cols + 8) * 0x1p-24 * terms);
        }
    }

    @Test
    void valuesThatAreNotFiniteAreNotHidden() {
        assumeTrue(MachineCode.isa().isPresent(), "no machine code: " + MachineCode.describe());
        PackedWeight weight = SampleWeights.all(3, 64, 1).stream()
                .map(Sample::weight)
                .filter(IntegerKernel::takes)
                .findFirst()
                .orElseThrow();
        for (float value : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
            float[] x = new float[weight.cols()];
            x[5] = value;
            float[] y = new float[3];
            KERNEL.prepare(weight, MachineCode.isa().orElseThrow(), 2).multiply(x, 0, 1, y, 0, ONE);
            assertThat(y).containsOnly(Float.NaN);
        }
    }
}
