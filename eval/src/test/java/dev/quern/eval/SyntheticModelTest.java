package dev.quern.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.quern.core.UsageException;
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

    @ParameterizedTest
    @ValueSource(strings = {"vptq-12", "vptq-v0-k16", "vptq-v8-k100", "vptq-v8-k65536-65536", "gptq-5", "q9"})
    void whatDoesNotExistIsNamedWithWhatDoes(String dtype) {
        assertThatThrownBy(() -> SyntheticModel.of("1b", dtype).weight(LINEAR))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining(dtype);
    }
}
