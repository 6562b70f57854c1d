package dev.quern.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TableCodesTest {
    private static final int ROWS = 5;
    private static final int COLS = 39;

    @ParameterizedTest
    @EnumSource
    void eachWeightHasTheNearestValueOfItsTable(TableCodes.Kind kind) {
        float[] values = gaussian(1);
        TableWeight weight = nearest(kind, values, 32, false);
        float[] found = weight.unpack();
        for (int i = 0; i < values.length; i++) {
            float scale = weight.scales().scale(i / 32);
            for (float other : kind.table()) {
                assertThat(Math.abs(found[i] - values[i]))
                        .isLessThanOrEqualTo(Math.abs(other * scale - values[i]) + 1e-6f * scale);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void theLargestWeightOfABlockIsExact(TableCodes.Kind kind) {
        float[] values = gaussian(2);
        float[] found = nearest(kind, values, 64, false).unpack();
        for (int from = 0; from < values.length; from += 64) {
            int at = from;
            for (int i = from; i < Math.min(values.length, from + 64); i++) {
                at = Math.abs(values[i]) > Math.abs(values[at]) ? i : at;
            }
            assertThat(found[at]).isEqualTo(values[at]);
        }
    }

    @ParameterizedTest
    @EnumSource
    void doubleQuantizationMovesScalesByLittle(TableCodes.Kind kind) {
        TableWeight plain = nearest(kind, gaussian(3), 32, false);
        TableWeight nested = nearest(kind, gaussian(3), 32, true);
        assertThat(nested.codes().data().mismatch(plain.codes().data())).isEqualTo(-1);
        for (int i = 0; i < plain.scales().count(); i++) {
            assertThat(Math.abs(nested.scales().scale(i) - plain.scales().scale(i)))
                    .isLessThan(0.02f * plain.scales().scale(i));
        }
    }

    @ParameterizedTest
    @EnumSource
    void blocksOfZerosStayZeros(TableCodes.Kind kind) {
        assertThat(nearest(kind, new float[ROWS * COLS], 64, false).unpack()).containsOnly(0);
    }

    private static TableWeight nearest(TableCodes.Kind kind, float[] values, int blockSize, boolean nested) {
        TableCodes search = new TableCodes(kind, blockSize);
        byte[] codes = new byte[(values.length + 1) / 2];
        float[] largest = new float[Math.ceilDiv(values.length, blockSize)];
        for (int block = 0; block < largest.length; block++) {
            search.encode(values, block, codes, largest);
        }
        return search.weight(ROWS, COLS, codes, largest, nested);
    }

    private static float[] gaussian(long seed) {
        Random random = new Random(seed);
        float[] values = new float[ROWS * COLS];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }
}
