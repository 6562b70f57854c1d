package dev.quern.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Random;
import org.junit.jupiter.api.Test;

class Int8WeightTest {
    @Test
    void nearestCodesAreWithinHalfAStepOfEachRow() {
        Random random = new Random(1);
        float[] values = new float[3 * 40];
        for (int i = 0; i < 80; i++) {
            values[i] = (float) random.nextGaussian() * (i < 40 ? 1 : 1000);
        }
        Int8Weight weight = Int8Weight.nearest(3, 40, values, DType.F32);
        float[] back = weight.unpack();
        for (int i = 0; i < values.length; i++) {
            float step = weight.scales().floatAt(i / 40);
            assertThat(Math.abs(values[i] - back[i])).isLessThanOrEqualTo(step * 0.5001f);
        }
        assertThat(weight.encoding()).isEqualTo("int8");
        assertThat(weight.bytes()).isEqualTo(3 * 40 + 12);
    }

    @Test
    void symmetricRowsOfTheGptqPackingAreTheSameValues() {
        Random random = new Random(2);
        byte[] codes = new byte[32 * 8];
        random.nextBytes(codes);
        short[] zeros = new short[8];
        java.util.Arrays.fill(zeros, (short) 128);
        float[] scales = {1, 2, 3, 4, 5, 6, 7, 8};
        GroupedWeight grouped = GroupedWeight.pack(8, 32, 8, 32, codes, Tensor.of(DType.F16, scales, 1, 8), zeros);
        assertThat(Int8Weight.of(grouped).unpack()).isEqualTo(grouped.unpack());
        zeros[3] = 127;
        assertThatThrownBy(() -> Int8Weight.of(grouped)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void outlierColumnsTakeTheirOwnValues() {
        Int8Weight regular = Int8Weight.nearest(2, 3, new float[] {1, 2, 3, -4, 5, 6}, DType.F32);
        Tensor columns = Tensor.of(DType.F16, new float[] {100, 200}, 2, 1);
        OutlierInt8Weight weight = new OutlierInt8Weight(regular, new int[] {1}, columns);
        float[] values = weight.unpack();
        assertThat(values[1]).isEqualTo(100);
        assertThat(values[4]).isEqualTo(200);
        assertThat(values[0]).isEqualTo(regular.unpack()[0]);
        assertThat(weight.encoding()).isEqualTo("llm-int8-o1");
        assertThat(weight.bytes()).isEqualTo(6 + 8 + 4 + 4);
        assertThatThrownBy(() -> new OutlierInt8Weight(regular, new int[] {3}, columns))
                .hasMessageContaining("outlier column 3");
    }
}
