package dev.quern.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.quern.core.BlockType;
import dev.quern.core.DType;
import dev.quern.core.DenseWeight;
import dev.quern.core.GroupedWeight;
import dev.quern.core.PackedWeight;
import dev.quern.core.Tensor;
import dev.quern.kernels.SampleWeights.Sample;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The parity contract: every kernel × every encoding × sizes, against `PackedWeight.unpackRow`.
///
/// The build runs this class again at 128, 256 and 512 bits and scalar.
class LinearParityTest {
    private static final Workers ONE = Workers.of(1);
    private static final Workers THREE = Workers.of(3);
    private static final float GUARD = 12345.678f;

    record Case(LinearKernel kernel, Sample sample) {
        PackedWeight weight() {
            return sample.weight();
        }

        @Override
        public String toString() {
            return kernel.name() + ": " + sample;
        }
    }

    @AfterAll
    static void close() {
        ONE.close();
        THREE.close();
    }

    static Stream<Case> cases() {
        List<Case> cases = new ArrayList<>();
        List<Sample> samples = new ArrayList<>();
        samples.addAll(SampleWeights.all(1, 32, 1));
        // wider than the processor is emulated, at a thousandth of the speed
        boolean emulated = VectorWidth.BITS > FloatVector.SPECIES_PREFERRED.vectorBitSize();
        samples.addAll(SampleWeights.all(67, emulated ? 32 : 512, 2));
        if (!emulated) {
            samples.addAll(SampleWeights.all(3, 4098, 3));
        }
        for (Sample sample : samples) {
            for (LinearKernel kernel : Kernels.ALL) {
                // the scalar kernel is the same at every width: the scalar run is for it, and for it alone
                if (kernel.supports(sample.weight())
                        && !kernel.roundsInputs()
                        && kernel instanceof ScalarLinear == VectorWidth.SCALAR) {
                    cases.add(new Case(kernel, sample));
                }
            }
        }
        return cases.stream();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void oneHotInputsReadEveryWeightAsUnpacked(Case c) {
        PackedWeight weight = c.weight();
        PreparedLinear linear = c.kernel().prepare(weight);
        float[] expected = weight.unpack();
        int rows = weight.rows();
        int cols = weight.cols();
        // the scalar kernel reads with unpackRow itself: a few columns will do
        int step = Math.max(1, cols / (VectorWidth.SCALAR ? 20 : 300));
        float[] x = new float[cols];
        float[] y = new float[rows];
        for (int col = 0; col < cols; col += step) {
            x[col] = 1;
            linear.multiply(x, 0, 1, y, 0, ONE);
            x[col] = 0;
            for (int row = 0; row < rows; row++) {
                // == : the sign of zero is not promised
                if (y[row] != expected[row * cols + col]) {
                    assertThat(y[row]).as("row %d, col %d", row, col).isEqualTo(expected[row * cols + col]);
                }
            }
        }
        int tokens = Math.min(70, cols);
        float[] batch = new float[tokens * cols];
        for (int t = 0; t < tokens; t++) {
            batch[t * cols + cols - 1 - t] = 1;
        }
        float[] many = new float[tokens * rows];
        linear.multiply(batch, 0, tokens, many, 0, THREE);
        for (int t = 0; t < tokens; t++) {
            for (int row = 0; row < rows; row++) {
                float wanted = expected[row * cols + cols - 1 - t];
                if (many[t * rows + row] != wanted) {
                    assertThat(many[t * rows + row])
                            .as("token %d, row %d", t, row)
                            .isEqualTo(wanted);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void randomInputsStayWithinTheBoundOfAnySummationOrder(Case c) {
        PackedWeight weight = c.weight();
        PreparedLinear linear = c.kernel().prepare(weight);
        float[] w = weight.unpack();
        float[] magnitudes = SampleWeights.termMagnitudes(weight);
        int rows = weight.rows();
        int cols = weight.cols();
        for (int tokens : new int[] {1, 2, 5, 13}) {
            float[] x = SampleWeights.floats(tokens * cols, new Random(tokens));
            float[] y = new float[tokens * rows];
            linear.multiply(x, 0, tokens, y, 0, THREE);
            for (int t = 0; t < tokens; t++) {
                for (int row = 0; row < rows; row++) {
                    double exact = 0;
                    double terms = 0;
                    for (int k = 0; k < cols; k++) {
                        exact += (double) w[row * cols + k] * x[t * cols + k];
                        terms += (double) magnitudes[row * cols + k] * Math.abs(x[t * cols + k]);
                    }
                    double bound = (cols + 8) * 0x1p-24 * terms;
                    double error = Math.abs(y[t * rows + row] - exact);
                    if (!(error <= bound)) {
                        assertThat(error)
                                .as("%d tokens, token %d, row %d", tokens, t, row)
                                .isLessThanOrEqualTo(bound);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void nothingIsWrittenBesideTheOutput(Case c) {
        PreparedLinear linear = c.kernel().prepare(c.weight());
        int rows = linear.rows();
        for (int tokens : new int[] {1, 7}) {
            float[] x = SampleWeights.floats(5 + tokens * linear.cols(), new Random(4));
            float[] y = new float[tokens * rows + 140];
            Arrays.fill(y, GUARD);
            linear.multiply(x, 5, tokens, y, 70, THREE);
            float[] clean = new float[tokens * rows];
            linear.multiply(Arrays.copyOfRange(x, 5, x.length), 0, tokens, clean, 0, THREE);
            for (int i = 0; i < y.length; i++) {
                float wanted = i < 70 || i >= 70 + tokens * rows ? GUARD : clean[i - 70];
                if (y[i] != wanted) {
                    assertThat(y[i]).as("%d tokens, place %d", tokens, i - 70).isEqualTo(wanted);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void resultsDependNeitherOnThreadsNorOnHowRowsAreSplit(Case c) {
        PackedWeight weight = c.weight();
        PreparedLinear linear = c.kernel().prepare(weight);
        int rows = weight.rows();
        for (int tokens : new int[] {1, 70}) {
            float[] x = SampleWeights.floats(tokens * weight.cols(), new Random(9));
            float[] one = new float[tokens * rows];
            float[] three = new float[tokens * rows];
            linear.multiply(x, 0, tokens, one, 0, ONE);
            linear.multiply(x, 0, tokens, three, 0, THREE);
            assertThat(three).isEqualTo(one);
            if (rows > 1) {
                int cut = rows / 3;
                for (int[] range : new int[][] {{0, cut}, {cut, rows}}) {
                    PackedWeight part = SampleWeights.slice(weight, range[0], range[1]);
                    float[] y = new float[tokens * part.rows()];
                    c.kernel().prepare(part).multiply(x, 0, tokens, y, 0, ONE);
                    for (int t = 0; t < tokens; t++) {
                        int at = t * rows;
                        assertThat(Arrays.copyOfRange(y, t * part.rows(), (t + 1) * part.rows()))
                                .isEqualTo(Arrays.copyOfRange(one, at + range[0], at + range[1]));
                    }
                }
            }
        }
    }

    @Test
    void everyEncodingIsTakenByAKernelThatIsNotScalar() {
        for (Sample sample : SampleWeights.all(2, 32, 5)) {
            String kernel = Kernels.prepare(sample.weight()).kernel();
            assertThat(kernel.equals("scalar")).as(sample.name()).isEqualTo(VectorWidth.SCALAR);
        }
    }

    @Test
    void preparedWeightsHoldAtMostTwiceTheBytesOfThePackedOnesOrFiveBitsAWeight() {
        List<PackedWeight> weights = new ArrayList<>();
        Random random = new Random(6);
        for (BlockType type : BlockType.values()) {
            weights.add(SampleWeights.randomBlocks(type, 128, 1024, random));
        }
        for (int bits : GroupedWeight.WIDTHS) {
            weights.add(SampleWeights.grouped(128, 1024, bits, 128, DType.F16, false, -1, random));
        }
        for (DType dtype : new DType[] {DType.F32, DType.BF16, DType.F16}) {
            weights.add(new DenseWeight(Tensor.of(dtype, SampleWeights.floats(128 * 1024, random), 128, 1024)));
        }
        for (PackedWeight weight : weights) {
            // grids of magnitudes and signs are kept as codes of 4 bits, or as bytes where vectors are narrow
            int bits = !weight.encoding().startsWith("IQ") ? 0 : TableDot.USABLE ? 5 : 9;
            long least = (long) weight.rows() * weight.cols() * bits / 8;
            // the file's index of groups says nothing where groups lie in order
            long packed = weight.bytes() - (weight instanceof GroupedWeight ? 4L * weight.cols() : 0);
            assertThat(Kernels.prepare(weight).weightBytes())
                    .as(weight.encoding())
                    .isBetween(packed, Math.max(2 * weight.bytes(), least));
        }
    }

    @Test
    void aKernelRefusesWhatItDoesNotSupport() {
        for (Sample sample : SampleWeights.all(2, 32, 5)) {
            for (LinearKernel kernel : Kernels.ALL) {
                if (!kernel.supports(sample.weight())) {
                    assertThatThrownBy(() -> kernel.prepare(sample.weight()))
                            .isInstanceOf(IllegalArgumentException.class)
                            .hasMessageContaining(sample.weight().encoding());
                }
            }
        }
    }

    @Test
    void halvesThatAreInfiniteOrNotANumberSurvive() {
        float[] values = {Float.POSITIVE_INFINITY, 1, Float.NaN, 2};
        PreparedLinear linear = Kernels.prepare(new DenseWeight(Tensor.of(DType.F16, values, 2, 2)));
        float[] y = new float[2];
        linear.multiply(new float[] {1, 1}, 0, 1, y, 0, ONE);
        assertThat(y).containsExactly(Float.POSITIVE_INFINITY, Float.NaN);
    }

    @Test
    void arraysThatAreTooShortAreRefusedAtTheBorder() {
        PreparedLinear linear = Kernels.prepare(new DenseWeight(Tensor.of(new float[6], 2, 3)));
        assertThatThrownBy(() -> linear.multiply(new float[3], 1, 1, new float[2], 0, ONE))
                .isInstanceOf(IndexOutOfBoundsException.class)
                .hasMessageContaining("x holds 3 floats, wanted 3 from 1");
        assertThatThrownBy(() -> linear.multiply(new float[3], 0, 1, new float[2], 1, ONE))
                .isInstanceOf(IndexOutOfBoundsException.class)
                .hasMessageContaining("y holds 2 floats");
    }
}
