package dev.quern.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

class BlockSearchTest {
    private static final int ROWS = 4;
    private static final int COLS = 512;

    static final Iterable<BlockType> TYPES = BlockSearch.TYPES.stream().sorted().toList();

    @ParameterizedTest
    @FieldSource("TYPES")
    void errorsOfGaussianWeightsAreWhatTheBitsAllow(BlockType type) {
        float[] values = gaussian(1);
        // relative squared errors, a tenth above those measured on this seed
        double bound = switch (type) {
            case Q8_0 -> 5e-5;
            case Q6_K -> 5e-4;
            case Q5_0, Q5_K, Q5_1 -> 2.5e-3;
            case Q4_1, Q4_K -> 8e-3;
            case Q4_0, IQ4_NL, IQ4_XS -> 1.1e-2;
            case Q3_K -> 3.4e-2;
            case Q2_K -> 9e-2;
            case IQ3_S -> 2.6e-2;
            case IQ3_XXS -> 4.3e-2;
            case IQ2_S -> 0.105;
            case IQ2_XS -> 0.125;
            case IQ2_XXS -> 0.185;
            case IQ1_S, IQ1_M, TQ1_0, TQ2_0 -> 0;
        };
        assertThat(error(type, values, null, ones())).as(type.name()).isLessThan(bound);
    }

    @ParameterizedTest
    @FieldSource("TYPES")
    void whatLiesOnAGridIsFoundThereAgain(BlockType type) {
        float[] once = BlockSearch.encode(type, gaussian(2), null, ROWS, COLS).unpack();
        double limit = type.name().matches("IQ[23].*") ? 0.02 : type == BlockType.Q8_0 ? 1e-5 : 2e-4;
        assertThat(error(type, once, null, ones())).as(type.name()).isLessThan(limit);
    }

    @ParameterizedTest
    @FieldSource("TYPES")
    void importancesThatAreAllAlikeChangeNothing(BlockType type) {
        float[] values = gaussian(3);
        MemorySegment without =
                BlockSearch.encode(type, values, null, ROWS, COLS).data();
        MemorySegment with =
                BlockSearch.encode(type, values, ones(), ROWS, COLS).data();
        assertThat(with.mismatch(without)).isEqualTo(-1);
    }

    @ParameterizedTest
    @FieldSource("TYPES")
    void inputsThatMatterMoreAreKeptCloser(BlockType type) {
        float[] values = gaussian(4);
        float[] importance = new float[COLS];
        Random random = new Random(5);
        for (int i = 0; i < COLS; i++) {
            importance[i] = (float) Math.exp(2 * random.nextGaussian());
        }
        double blind = error(type, values, null, importance);
        double seeing = error(type, values, importance, importance);
        // Q8_0 rounds as llama.cpp does and asks for none
        assertThat(seeing).as(type.name()).isLessThanOrEqualTo(type == BlockType.Q8_0 ? blind : 0.95 * blind);
    }

    @Property(tries = 60)
    void theSearchIsNeverWorseThanPlainRounding(@ForAll long seed) {
        float[] values = gaussian(seed);
        for (BlockType type : new BlockType[] {BlockType.Q4_0, BlockType.Q4_1}) {
            float[] rounded = BlockEncoders.encode(type, values, ROWS, COLS).unpack();
            double plain = 0;
            double all = 0;
            for (int i = 0; i < values.length; i++) {
                double e = (double) rounded[i] - values[i];
                plain += e * e;
                all += (double) values[i] * values[i];
            }
            assertThat(error(type, values, null, ones())).isLessThan(plain / all);
        }
    }

    @ParameterizedTest
    @FieldSource("TYPES")
    void blocksOfOneValueAreKept(BlockType type) {
        for (float value : new float[] {0, 1, -1, 1e-2f, -20}) {
            float[] values = new float[256];
            Arrays.fill(values, value);
            for (float found : BlockSearch.encode(type, values, null, 1, 256).unpack()) {
                // grids hold no zero, and not every run of one magnitude
                float part = type.name().matches("IQ[23].*") ? 0.8f : 0.004f;
                assertThat(Math.abs(found - value))
                        .as("%s of %s", type, value)
                        .isLessThanOrEqualTo(Math.abs(value) * part);
            }
        }
    }

    @ParameterizedTest
    @FieldSource("TYPES")
    void oneOutlierDoesNotDestroyItsBlock(BlockType type) {
        float[] values = gaussian(6);
        values[17] = 40;
        assertThat(error(type, values, null, ones()))
                .as(type.name())
                .isLessThan(type == BlockType.IQ2_XXS ? 0.4 : 0.25);
    }

    @ParameterizedTest
    @FieldSource("TYPES")
    void whatIsNotFiniteIsRefused(BlockType type) {
        for (float bad : new float[] {Float.NaN, Float.NEGATIVE_INFINITY, 1e38f}) {
            float[] values = new float[256];
            values[200] = bad;
            assertThatThrownBy(() -> BlockSearch.encode(type, values, null, 1, 256))
                    .isInstanceOf(NumericException.class);
        }
    }

    @Test
    void inputsWithoutImportanceStillGetCodes() {
        float[] values = gaussian(7);
        float[] importance = new float[COLS];
        for (int i = 0; i < COLS; i += 2) {
            importance[i] = 1;
        }
        assertThat(error(BlockType.Q4_K, values, importance, ones())).isLessThan(0.05);
        assertThat(BlockSearch.encode(BlockType.Q4_K, values, new float[COLS], ROWS, COLS)
                        .data()
                        .mismatch(BlockSearch.encode(BlockType.Q4_K, values, null, ROWS, COLS)
                                .data()))
                .isEqualTo(-1);
    }

    @Test
    void aTypeThatCannotBeWrittenIsRefusedByName() {
        assertThatThrownBy(() -> BlockSearch.of(BlockType.TQ1_0))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("TQ1_0");
    }

    private static float[] gaussian(long seed) {
        Random random = new Random(seed);
        float[] values = new float[ROWS * COLS];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    private static float[] ones() {
        float[] ones = new float[COLS];
        Arrays.fill(ones, 1);
        return ones;
    }

    /// `Σ weight (x − x̂)² / Σ weight x²`, a weight for each column.
    private static double error(BlockType type, float[] values, float @Nullable [] importance, float[] weights) {
        float[] found = BlockSearch.encode(type, values, importance, ROWS, COLS).unpack();
        double sum = 0;
        double all = 0;
        for (int i = 0; i < values.length; i++) {
            double e = (double) found[i] - values[i];
            sum += weights[i % COLS] * e * e;
            all += (double) weights[i % COLS] * values[i] * values[i];
        }
        return sum / all;
    }
}
