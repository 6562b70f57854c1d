package dev.quern.methods;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.quern.core.DType;
import dev.quern.core.UsageException;
import dev.quern.core.VectorWeight;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The invariants of VPTQ on whole layers.
final class VptqTest {
    private static final Vptq METHOD = new Vptq();
    private static final int ROWS = 48;
    private static final int COLS = 40;

    private static Vptq.Config config(Object... pairs) {
        Map<String, Object> values = new HashMap<>(Map.of("retarget", 0, "centroids", 32));
        for (int i = 0; i < pairs.length; i += 2) {
            values.put((String) pairs[i], pairs[i + 1]);
        }
        return Step.of(METHOD, values).config();
    }

    private static LinearTask task(float[] weight, Hessian hessian) {
        return Seeded.task(ROWS, COLS, weight, hessian, Parallel.SERIAL);
    }

    /// Weights of few distinct vectors, each number one that float16 holds.
    private static float[] repeated(int distinct, long seed) {
        Random random = new Random(seed);
        float[][] vectors = new float[distinct][4];
        for (float[] vector : vectors) {
            for (int t = 0; t < 4; t++) {
                vector[t] = (random.nextInt(200) - 100) / 64f;
            }
        }
        float[] weight = new float[ROWS * COLS];
        for (int n = 0; n < ROWS / 4; n++) {
            for (int c = 0; c < COLS; c++) {
                float[] vector = vectors[random.nextInt(distinct)];
                for (int t = 0; t < 4; t++) {
                    weight[(n * 4 + t) * COLS + c] = vector[t];
                }
            }
        }
        return weight;
    }

    @Test
    void asManyCentroidsAsDistinctVectorsGiveTheWeightsExactly() {
        float[] weight = repeated(24, 1);
        QuantizedLinear result =
                METHOD.quantize(task(weight, Seeded.hessian(COLS, 2)), config("norm", "none", "vector-length", 4));
        assertThat(result.weight().unpack()).containsExactly(weight);
        assertThat(result.relativeError()).isZero();
    }

    @Test
    void theyDoWithANormUpToItsStorage() {
        QuantizedLinear result =
                METHOD.quantize(task(repeated(3, 1), Seeded.hessian(COLS, 2)), config("centroids", 4096));
        assertThat(result.relativeError()).isLessThan(1e-5);
    }

    /// Vectors of one number from a uniform grid are GPTQ with one grid for the tensor.
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void vectorsOfOneNumberFromAUniformGridAreGptq(boolean permute) {
        Hessian hessian = Seeded.hessian(COLS, 3);
        Damping damping = hessian.damped(0.01, permute, Parallel.SERIAL).orElseThrow();
        double[] target = new double[ROWS * COLS];
        float[] weight = Seeded.floats(target.length, 0.05, 4);
        for (int i = 0; i < target.length; i++) {
            target[i] = weight[i];
        }
        float scale = 0x1p-6f;
        VectorBook book = new VectorBook(1, 16, 0, DType.F32);
        float[] grid = new float[16];
        for (int code = 0; code < 16; code++) {
            grid[code] = (code - 8) * scale;
        }
        book.set(grid, 0);
        Vectors vectors = new Vectors(ROWS, damping.order(), new VectorBook[] {book}, 0, false);
        new VectorLoop(target, vectors, damping, true).run(Seeded.SCATTERED);
        byte[] expected = uniformGptq(target, damping, scale);
        for (int row = 0; row < ROWS; row++) {
            for (int c = 0; c < COLS; c++) {
                assertThat(vectors.codes[c][row]).isEqualTo(expected[row * COLS + c]);
            }
        }
    }

    /// GPTQ with scale `scale` and zero point 8 everywhere, column by column, the plain way.
    private static byte[] uniformGptq(double[] weight, Damping damping, float scale) {
        double[] r = damping.factor().r();
        byte[] codes = new byte[weight.length];
        for (int row = 0; row < ROWS; row++) {
            double[] gaps = new double[COLS];
            for (int q = 0; q < COLS; q++) {
                int col = damping.order()[q];
                double target = weight[row * COLS + col];
                for (int p = 0; p < q; p++) {
                    target += gaps[p] * r[p * COLS + q] / r[q * COLS + q];
                }
                int code = Math.clamp(Math.round(target / scale) + 8, 0, 15);
                codes[row * COLS + col] = (byte) code;
                gaps[q] = weight[row * COLS + col] - (code - 8) * scale;
            }
        }
        return codes;
    }

    @Test
    void equallyImportantInputsNeedNoFeedback() {
        LinearTask task = task(Seeded.floats(ROWS * COLS, 0.05, 5), Hessian.identity(COLS));
        float[] with = METHOD.quantize(task, config("damping", 0, "refine", 0))
                .weight()
                .unpack();
        float[] without = METHOD.quantize(task, config("damping", 0, "refine", 0, "feedback", false))
                .weight()
                .unpack();
        assertThat(with).containsExactly(without);
    }

    @Test
    void feedbackRefinementAndASecondStageEachLowerTheLossOfTwentyLayers() {
        double[] lost = new double[5];
        for (int seed = 0; seed < 20; seed++) {
            LinearTask task = task(Seeded.floats(ROWS * COLS, 0.05, 100 + seed), Seeded.hessian(COLS, 200 + seed));
            lost[0] += METHOD.quantize(task, config("refine", 0, "feedback", false))
                    .relativeError();
            lost[1] += METHOD.quantize(task, config("refine", 0)).relativeError();
            double refined = METHOD.quantize(task, config()).relativeError();
            double once = METHOD.quantize(task, config("refine", 1)).relativeError();
            assertThat(refined).as("seed %d", seed).isLessThanOrEqualTo(once);
            lost[2] += refined;
            lost[3] += METHOD.quantize(task, config("residual-centroids", 8)).relativeError();
            lost[4] += METHOD.quantize(task, config("norm", "none")).relativeError();
        }
        assertThat(lost[1]).isLessThan(0.9 * lost[0]);
        assertThat(lost[2]).isLessThan(0.9 * lost[1]);
        assertThat(lost[3]).isLessThan(0.7 * lost[2]);
        assertThat(lost[2]).isLessThan(lost[4]);
    }

    /// Columns made larger whose inputs are made smaller: the same matrix in other units.
    @Test
    void rescaledColumnsGiveTheRescaledResult() {
        Hessian hessian = Seeded.hessian(COLS, 6);
        float[] weight = Seeded.floats(ROWS * COLS, 4, 7);
        float[] scaled = weight.clone();
        double[] h = hessian.h().clone();
        for (int c = 0; c < COLS; c++) {
            float unit = Math.scalb(1f, c % 7 - 3);
            for (int row = 0; row < ROWS; row++) {
                scaled[row * COLS + c] *= unit;
            }
            for (int i = 0; i < COLS; i++) {
                h[c * COLS + i] /= unit;
                h[i * COLS + c] /= unit;
            }
        }
        Vptq.Config config = config("permute", false, "damping", 0, "refine", 0);
        float[] plain = METHOD.quantize(task(weight, hessian), config).weight().unpack();
        float[] found = METHOD.quantize(task(scaled, new Hessian(COLS, h, null, hessian.tokens(), 0)), config)
                .weight()
                .unpack();
        for (int i = 0; i < plain.length; i++) {
            assertThat(found[i]).isEqualTo(plain[i] * Math.scalb(1f, i % COLS % 7 - 3));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"plain", "residual", "outliers", "groups"})
    void bytesDependOnTheSeedAndNotOnTheThreads(String kind) {
        Object[] keys = switch (kind) {
            case "residual" -> new Object[] {"residual-centroids", 8};
            case "outliers" -> new Object[] {"outliers", 5, "outlier-length", 2, "outlier-centroids", 64};
            case "groups" -> new Object[] {"groups", 2};
            default -> new Object[] {};
        };
        float[] weight = Seeded.floats(ROWS * COLS, 0.05, 8);
        Hessian hessian = Seeded.hessian(COLS, 9);
        VectorWeight one = (VectorWeight)
                METHOD.quantize(task(weight, hessian), config(keys)).weight();
        LinearTask scattered = Seeded.task(ROWS, COLS, weight, hessian, Seeded.SCATTERED);
        VectorWeight many =
                (VectorWeight) METHOD.quantize(scattered, config(keys)).weight();
        assertThat(many.indices().data().mismatch(one.indices().data())).isEqualTo(-1);
        assertThat(many.main()
                        .centroids()
                        .data()
                        .mismatch(one.main().centroids().data()))
                .isEqualTo(-1);
        assertThat(many.unpack()).containsExactly(one.unpack());
    }

    @Test
    void whatIsReportedIsTheLossOfWhatIsStored() {
        float[] weight = Seeded.floats(ROWS * COLS, 0.05, 10);
        Hessian hessian = Seeded.hessian(COLS, 11);
        for (Object[] keys : new Object[][] {{}, {"outliers", 6.0}, {"groups", 4}, {"residual-centroids", 16}}) {
            QuantizedLinear result = METHOD.quantize(task(weight, hessian), config(keys));
            double[] h =
                    hessian.damped(0.01, true, Parallel.SERIAL).orElseThrow().h();
            double lost = Seeded.loss(weight, result.weight().unpack(), h, COLS);
            double all = Seeded.loss(weight, new float[weight.length], h, COLS);
            assertThat(result.relativeError() / (lost / all)).isBetween(0.999, 1.001);
        }
    }

    @Test
    void rowsThatDoNotFillVectorsAndInputsThatAreDeadArePlaced() {
        int rows = 21;
        double[] h = Seeded.hessian(COLS, 12).h().clone();
        for (int i = 0; i < COLS; i++) {
            h[7 * COLS + i] = 0;
            h[i * COLS + 7] = 0;
        }
        LinearTask task = Seeded.task(
                rows, COLS, Seeded.floats(rows * COLS, 0.05, 13), new Hessian(COLS, h, null, 99, 0), Parallel.SERIAL);
        QuantizedLinear result = METHOD.quantize(task, config("vector-length", 8));
        assertThat(result.weight().rows()).isEqualTo(rows);
        assertThat(result.relativeError()).isLessThan(0.5);
        assertThat(result.notes()).anyMatch(note -> note.contains("1 inputs are always zero"));
    }

    @Test
    void codebooksThatWeighMoreThanIndicesAreRefused() {
        WeightFormat format = METHOD.format(config("centroids", 65536, "vector-length", 8));
        assertThatThrownBy(() -> format.check("q_proj", 1024, 1024))
                .hasMessageContaining("q_proj: the codebooks of v8-k65536-norm take 8388608 bits, more than");
        format.check("up_proj", 14336, 4096);
        assertThatThrownBy(() -> config("centroids", 100))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("power of two");
    }

    @Test
    void kMeansMovesEmptyClustersAndDrawsDistinctSeeds() {
        float[] x = new float[400];
        Arrays.fill(x, 0, 390, 1);
        for (int i = 390; i < 400; i++) {
            x[i] = i;
        }
        double[] weight = new double[400];
        Arrays.fill(weight, 1);
        float[] centroids = new WeightedKMeans(x, weight, 1, Seeded.SCATTERED, new Phases()).run(8, 30, 2, 1);
        assertThat(centroids).contains(1f);
        Arrays.sort(centroids);
        assertThat(centroids[7]).isGreaterThan(398);
        assertThat(new WeightedKMeans(x, weight, 1, Parallel.SERIAL, new Phases()).run(8, 30, 2, 1))
                .containsExactlyInAnyOrder(centroids);
    }
}
