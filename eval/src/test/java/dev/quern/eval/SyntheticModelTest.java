package dev.quern.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.quern.core.PackedWeight;
import dev.quern.core.UsageException;
import dev.quern.models.Linear;
import dev.quern.models.Network;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SyntheticModelTest {
    private static final String LINEAR = "model.layers.0.self_attn.k_proj.weight";

    @ParameterizedTest
    @CsvSource({"vptq-v8-k4096, vptq-v8-k4096", "vptq-v4-k64-64, vptq-v4-k64-64", "gptq-3, gptq-w3-g128", "q4_0, Q4_0"})
    void aWeightIsInTheEncodingAskedFor(String dtype, String encoding) {
        assertThat(SyntheticModel.of("1b", dtype).weight(LINEAR).encoding()).startsWithIgnoringCase(encoding);
    }

    /// A model of any depth is made in the memory of its largest matrix.
    @ParameterizedTest
    @ValueSource(
            strings = {"f32", "bf16", "int8", "q4_0", "q6_k", "iq2_xs", "gptq-3", "vptq-v8-k4096", "vptq-v4-k64-64"})
    void allMatricesLieInOnePieceOfMemory(String dtype) {
        Network network = SyntheticModel.llama(256, 3, 512, 4, 2, 2048);
        SyntheticModel model = SyntheticModel.of(network, dtype);
        long largest = model.weight(network.head().weightName()).memory().byteSize();
        byte[] whole = backing(model.weight(network.head().weightName()));
        assertThat(whole.length).isLessThanOrEqualTo((int) largest + (1 << 16));
        for (Linear linear : network.linears()) {
            assertThat(backing(model.weight(linear.weightName()))).isSameAs(whole);
        }
    }

    private static byte[] backing(PackedWeight weight) {
        return (byte[]) weight.memory().heapBase().orElseThrow();
    }

    @ParameterizedTest
    @ValueSource(strings = {"f16", "int8", "q4_0", "q2_k", "iq3_s", "tq1_0", "gptq-8", "vptq-v6-k256"})
    void weightsAreFiniteDifferFromLayerToLayerAndAreTheSameWhateverIsAskedForFirst(String dtype) {
        Network network = SyntheticModel.llama(256, 2, 512, 4, 2, 512);
        SyntheticModel model = SyntheticModel.of(network, dtype);
        float[] first = model.weight(LINEAR).unpack();
        for (float value : first) {
            assertThat(value).isFinite();
        }
        assertThat(model.weight(LINEAR.replace(".0.", ".1.")).unpack()).isNotEqualTo(first);
        SyntheticModel other = SyntheticModel.of(network, dtype);
        other.weight(network.head().weightName());
        assertThat(other.weight(LINEAR).unpack()).isEqualTo(first);
    }

    @ParameterizedTest
    @ValueSource(strings = {"vptq-12", "vptq-v0-k16", "vptq-v8-k100", "vptq-v8-k65536-65536", "gptq-7", "q9"})
    void whatDoesNotExistIsNamedWithWhatDoes(String dtype) {
        assertThatThrownBy(() -> SyntheticModel.of("1b", dtype).weight(LINEAR))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining(dtype);
    }
}
