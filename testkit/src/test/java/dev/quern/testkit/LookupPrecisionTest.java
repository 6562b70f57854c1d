package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.quern.eval.SyntheticModel;
import dev.quern.kernels.InputPrecision;
import dev.quern.kernels.Workers;
import dev.quern.models.Network;
import dev.quern.models.WeightSource;
import dev.quern.runtime.Model;
import dev.quern.runtime.Session;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A token that looks small books up in registers, as numbers of 16 bits, next to one that reads them as they are.
class LookupPrecisionTest {
    private static final int VOCABULARY = 288;

    @ParameterizedTest
    @ValueSource(strings = {"vptq-v4-k256", "vptq-v3-k512", "vptq-v4-k64-64"})
    void logitsMoveByLessThanAThousandth(String encoding) {
        Network network = SyntheticModel.llama(256, 3, 512, 4, 2, VOCABULARY);
        WeightSource weights = SyntheticModel.of(network, encoding);
        try (Workers workers = Workers.of(2)) {
            Model looked = new Model(network, weights, workers, InputPrecision.INT16);
            assumeThat(looked.kernels()).as("look-ups run here").contains("lookup");
            float[] codes = generate(looked);
            float[] floats = generate(new Model(network, weights, workers, InputPrecision.FLOAT));
            assertThat(LogitDifference.between(codes, floats, VOCABULARY).relative())
                    .isLessThan(1e-3);
        }
    }

    /// Logits of tokens one after the other.
    private static float[] generate(Model model) {
        Session session = new Session(model);
        session.prefill(new int[] {1, 2, 3, 4, 5});
        float[] all = new float[12 * VOCABULARY];
        for (int i = 0; i < 12; i++) {
            float[] logits = session.decode(i * 7 + 3);
            System.arraycopy(logits, 0, all, i * VOCABULARY, VOCABULARY);
        }
        return all;
    }
}
