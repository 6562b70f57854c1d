package dev.quern.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class BlockEncodersTest {
    @Property(tries = 200)
    void noValueMovesByMoreThanItsStep(@ForAll BlockType type, @ForAll long seed) {
        if (!BlockEncoders.TYPES.contains(type)) {
            return;
        }
        float[] values = values(2 * 96, seed);
        float[] decoded = BlockEncoders.encode(type, values, 2, 96).unpack();
        for (int block = 0; block < values.length; block += 32) {
            float most = 0;
            for (int i = block; i < block + 32; i++) {
                most = Math.max(most, Math.abs(values[i]));
            }
            // Q4_0's grid reaches −8 … 7 steps, so the far end may lie a whole step off; float16 scales add 2⁻¹¹
            float step = switch (type) {
                case Q8_0 -> most / 127 * 0.5f;
                case Q4_0 -> most / 8;
                case Q4_1 -> 2 * most / 15 * 0.5f;
                case Q5_0,
                        Q5_1,
                        Q2_K,
                        Q3_K,
                        Q4_K,
                        Q5_K,
                        Q6_K,
                        IQ1_S,
                        IQ1_M,
                        IQ2_XXS,
                        IQ2_XS,
                        IQ2_S,
                        IQ3_XXS,
                        IQ3_S,
                        IQ4_NL,
                        IQ4_XS,
                        TQ1_0,
                        TQ2_0 -> 0;
            };
            for (int i = block; i < block + 32; i++) {
                assertThat(Math.abs(decoded[i] - values[i])).isLessThanOrEqualTo(step * 1.001f + most * 0x1p-10f);
            }
        }
    }

    @Property(tries = 100)
    void whatWasDecodedFromQ8EncodesToTheSameValues(@ForAll long seed) {
        float[] once =
                BlockEncoders.encode(BlockType.Q8_0, values(64, seed), 1, 64).unpack();
        float[] twice = BlockEncoders.encode(BlockType.Q8_0, once, 1, 64).unpack();
        for (int i = 0; i < once.length; i++) {
            assertThat(twice[i]).isCloseTo(once[i], org.assertj.core.data.Offset.offset(Math.abs(once[i]) * 0x1p-9f));
        }
    }

    @Test
    void aBlockOfZerosStaysZero() {
        for (BlockType type : BlockEncoders.TYPES) {
            for (float value : BlockEncoders.encode(type, new float[32], 1, 32).unpack()) {
                assertThat(Math.abs(value)).isZero();
            }
        }
    }

    @Test
    void whatIsNotFiniteIsRefused() {
        for (BlockType type : BlockEncoders.TYPES) {
            for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, 1e38f}) {
                float[] values = new float[32];
                values[7] = bad;
                assertThatThrownBy(() -> BlockEncoders.encode(type, values, 1, 32))
                        .isInstanceOf(NumericException.class);
            }
        }
    }

    @Test
    void aTypeThatCannotBeWrittenIsRefusedByName() {
        assertThatThrownBy(() -> BlockEncoders.encode(BlockType.Q4_K, new float[256], 1, 256))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("Q4_K");
    }

    @Property(tries = 100)
    void anyBytesDecodeWithinTheirBlock(@ForAll BlockType type, @ForAll long seed) {
        byte[] bytes = new byte[type.bytes()];
        new Random(seed).nextBytes(bytes);
        float[] target = new float[type.weights() + 2];
        target[0] = 42;
        target[type.weights() + 1] = 43;
        type.decode(MemorySegment.ofArray(bytes), 0, target, 1);
        assertThat(target[0]).isEqualTo(42);
        assertThat(target[type.weights() + 1]).isEqualTo(43);
    }

    private static float[] values(int count, long seed) {
        Random random = new Random(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }
}
