package dev.quern.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.quern.core.Codebook;
import dev.quern.core.DType;
import dev.quern.core.VectorWeight;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Codebook products are the same to the bit in machine code and in Java: one fused multiply-add for each input, in
/// order.
class VectorKernelTest {
    private static final float GUARD = 12345.678f;

    @ParameterizedTest(name = "vectors of {0}, {1} + {2} centroids")
    @CsvSource({
        "4, 16, 0",
        "4, 256, 0",
        "4, 64, 64",
        "4, 4096, 0",
        "4, 256, 256",
        "4, 1024, 1024",
        "8, 256, 0",
        "8, 4096, 0",
        "8, 512, 256",
        "8, 65536, 0",
        "1, 16, 0",
        "2, 64, 0",
        "3, 512, 0",
        "3, 16, 16",
        "3, 256, 256",
        "3, 4096, 0",
        "16, 64, 0"
    })
    void sumsAreThoseOfOneMultiplyAddAnInput(int length, int size, int residual) {
        assumeFalse(VectorWidth.SCALAR, "the scalar kernel sums in another order");
        Random random = new Random(length * 31L + size);
        for (int[] shape : new int[][] {{64, 1}, {67, 130}, {200, 64}}) {
            int rows = shape[0];
            int cols = shape[1];
            VectorWeight weight =
                    SampleVectors.vectors(rows, cols, new int[] {length, size, residual, 1, 0, 0}, random);
            float[] w = weight.unpack();
            float[] x = SampleWeights.floats(cols + 3, random);
            float[] y = new float[rows + 2];
            y[0] = GUARD;
            y[rows + 1] = GUARD;
            try (Workers workers = Workers.of(2)) {
                new VectorKernel().prepare(weight).multiply(x, 3, 1, y, 1, workers);
            }
            float[] inJava = inJava(weight, x, 3);
            for (int row = 0; row < rows; row++) {
                float sum = 0;
                for (int col = 0; col < cols; col++) {
                    sum = Math.fma(x[3 + col], w[row * cols + col], sum);
                }
                assertThat(y[1 + row]).as("row %d of %d × %d", row, rows, cols).isEqualTo(sum);
                assertThat(inJava[row])
                        .as("row %d of %d × %d in Java", row, rows, cols)
                        .isEqualTo(sum);
            }
            assertThat(new float[] {y[0], y[rows + 1]}).containsExactly(GUARD, GUARD);
        }
    }

    /// The product without machine code, panels filled up.
    private static float[] inJava(VectorWeight weight, float[] x, int xAt) {
        VectorRun run = new VectorRun(weight.rows(), 0, weight.cols(), weight.main(), weight.residual(), 0);
        int[] indices = new int[weight.cols()];
        for (int n = 0; n < run.vectors(); n++) {
            weight.unpackIndices(n, indices, 0);
            run.set(n, indices, 0);
        }
        int panels = Math.ceilDiv(weight.rows(), Panels.ROWS);
        float[] y = new float[panels * Panels.ROWS];
        for (int panel = 0; panel < panels; panel++) {
            run.addDot(panel, x, xAt, y, panel * Panels.ROWS, new Scratch());
        }
        return y;
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({"F16", "BF16", "F32"})
    void aBookIsReadAsItIsWhateverItsType(DType type) {
        assumeFalse(VectorWidth.SCALAR, "the scalar kernel sums in another order");
        Random random = new Random(5);
        // larger than the nearest cache: halves where that loses nothing
        Codebook book = Codebook.of(type, SampleWeights.floats(2048 * 8, random), 8);
        VectorRun run = new VectorRun(64, 0, 5, book, null, 0);
        for (int n = 0; n < 8; n++) {
            run.set(n, random.ints(5, 0, 2048).toArray(), 0);
        }
        float[] tile = new float[5 * 64];
        run.unpack(0, tile, new Scratch());
        float[] y = new float[64];
        float[] x = {0, 0, 0, 1, 0};
        if (run.outside()) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment inputs = arena.allocateFrom(JAVA_FLOAT, x);
                MemorySegment outputs = arena.allocate(JAVA_FLOAT, OutsidePanels.SPAN);
                long slack = OutsidePanels.SLACK * 4L;
                run.addDot(0, inputs.address(), outputs.address() + slack);
                MemorySegment.copy(outputs, JAVA_FLOAT, slack, y, 0, 64);
            }
        } else {
            run.addDot(0, x, 0, y, 0, new Scratch());
        }
        for (int row = 0; row < 64; row++) {
            assertThat(y[row]).isEqualTo(tile[3 * 64 + row]);
        }
    }

    @ParameterizedTest
    @CsvSource({"100", "-1"})
    void anIndexBeyondTheBookIsRefused(int index) {
        Codebook book = Codebook.of(DType.F16, new float[100 * 8], 8);
        VectorRun run = new VectorRun(64, 0, 2, book, null, 0);
        assertThatThrownBy(() -> run.set(0, new int[] {0, index}, 0)).isInstanceOf(IndexOutOfBoundsException.class);
    }
}
