package dev.quern.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.quern.core.DType;
import dev.quern.core.DenseWeight;
import dev.quern.core.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Dense products in machine code are those of Java to the bit, with every set of instructions.
class DenseProgramTest {
    private static final float GUARD = 12345.678f;

    record Case(MachineCode.Isa isa, DType dtype, int rows, int cols) {}

    static Stream<Case> cases() {
        List<Case> cases = new ArrayList<>();
        for (MachineCode.Isa isa : MachineCode.Isa.values()) {
            if (MachineCode.isa().isPresent() && isa.runsOn(MachineCode.Cpu.read())) {
                for (DType dtype : List.of(DType.F32, DType.BF16, DType.F16)) {
                    for (int cols : new int[] {2, 96, 1538}) {
                        cases.add(new Case(isa, dtype, 1, cols));
                        cases.add(new Case(isa, dtype, 200, cols));
                    }
                }
            }
        }
        return cases.stream();
    }

    @ParameterizedTest(allowZeroInvocations = true)
    @MethodSource("cases")
    void productsAndPromptsAreThoseOfJava(Case c) {
        assumeFalse(VectorWidth.SCALAR, "the scalar kernel sums in another order");
        Random random = new Random(c.cols());
        DenseWeight weight = new DenseWeight(
                Tensor.of(c.dtype(), SampleWeights.floats(c.rows() * c.cols(), random), c.rows(), c.cols()));
        Panels java = switch (c.dtype()) {
            case F32 -> FloatPanels.of(weight);
            case F16 -> F16Panels.of(weight);
            default -> Bf16Panels.of(weight);
        };
        DenseProgram.Kind kind = DenseProgram.Kind.valueOf(c.dtype().name());
        DensePanels code = DensePanels.of(DenseProgram.of(c.isa(), kind), weight);
        assertThat(code.bytes()).isEqualTo(java.bytes());
        float[] x = SampleWeights.floats(c.cols() + 3, random);
        Scratch scratch = new Scratch();
        for (int panel = 0; panel < Math.ceilDiv(c.rows(), Panels.ROWS); panel++) {
            float[] expected = guarded();
            float[] y = guarded();
            java.dot(panel, x, 3, new float[1], 0, expected, 1, scratch);
            code.dot(panel, x, 3, new float[1], 0, y, 1, scratch);
            assertThat(y).containsExactly(expected);
            assertThat(y).startsWith(GUARD).endsWith(GUARD);
            float[] tile = new float[c.cols() * Panels.ROWS];
            float[] unpacked = new float[tile.length];
            java.unpack(panel, tile, scratch);
            code.unpack(panel, unpacked, scratch);
            assertThat(Arrays.equals(unpacked, tile))
                    .as("panel %d unpacked", panel)
                    .isTrue();
        }
    }

    private static float[] guarded() {
        float[] y = new float[Panels.ROWS + 2];
        Arrays.fill(y, GUARD);
        return y;
    }

    @Test
    void nothingIsReadOrWrittenOutsideItsArrays() {
        assumeTrue(MachineCode.isa().isPresent(), "no machine code: " + MachineCode.describe());
        PreparedLinear linear = Kernels.prepare(new DenseWeight(Tensor.of(DType.BF16, new float[64 * 4], 64, 4)));
        try (Workers one = Workers.of(1)) {
            assertThatThrownBy(() -> linear.multiply(new float[3], 0, 1, new float[64], 0, one))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> linear.multiply(new float[4], 0, 1, new float[64], 1, one))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> linear.token(new float[3], new float[64], one))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> linear.token(new float[4], new float[63], one))
                    .isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @Test
    void anOddNumberOfInputsOfBfloat16StaysInJava() {
        assumeFalse(VectorWidth.SCALAR, "the scalar kernel takes every weight");
        DenseWeight weight = new DenseWeight(Tensor.of(DType.BF16, new float[2 * 3], 2, 3));
        assertThat(((PanelLinear) Kernels.prepare(weight)).panels()).isInstanceOf(Bf16Panels.class);
    }
}
