package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.quern.core.KvScheme;
import dev.quern.kernels.InputPrecision;
import dev.quern.kernels.Workers;
import dev.quern.models.Checkpoint;
import dev.quern.models.LinearInput;
import dev.quern.models.WeightSource;
import dev.quern.runtime.Model;
import dev.quern.runtime.Session;
import dev.quern.torch.TorchModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Checkpoints that other packages wrote give their logits in both executors.
class LayoutFixtureTest {
    /// Where a token's largest magnitude is negative it lies on the edge between −128 and −127, and falls to
    /// either side by the last bit of a float32, which the order of summation decides: the package itself agrees
    /// with its fixture on 14 of 16 tokens elsewhere. A token that no such edge touched must agree to the last
    /// digits; with another grid (a narrow one, or a reciprocal instead of a division) no token does.
    @Test
    void int8InputsAreQuantizedAsThePeerDoes() throws IOException {
        Path folder = PeerLogits.fixture("ct-int8-w8a8");
        float[] expected = Npy.read(folder.resolve("logits_own.npy")).values();
        int[] tokens = PeerLogits.tokens();
        try (Checkpoint checkpoint = Checkpoint.open(folder);
                Workers workers = Workers.of(2);
                TorchModel torch = TorchModel.load(checkpoint.network(), checkpoint.weights())) {
            Model java = new Model(checkpoint.network(), checkpoint.weights(), workers);
            assertThat(java.activations()).containsExactly("a8 dynamic symmetric × int8");
            assertThat(java.kernels()).containsExactly("int8", "dense");
            for (float[] logits : List.of(new Session(java).logits(tokens).data(), torch.logits(tokens))) {
                int same = 0;
                for (int t = 0; t < tokens.length; t++) {
                    double worst = worst(logits, expected, t, java.vocabSize());
                    assertThat(worst).as("token %d", t).isLessThan(0.1);
                    same += worst < 1e-4 ? 1 : 0;
                }
                assertThat(same).isGreaterThanOrEqualTo(6);
            }
        }
    }

    private static double worst(float[] logits, float[] expected, int token, int size) {
        double worst = 0;
        for (int i = token * size; i < (token + 1) * size; i++) {
            worst = Math.max(worst, Math.abs(logits[i] - expected[i]));
        }
        return worst;
    }

    @ParameterizedTest
    @ValueSource(strings = {"ct-pack-w4-sym", "ct-pack-w4-asym"})
    void logitsAreThoseOfThePeersOwnForwardPass(String name) throws IOException {
        assertLogits(name, "logits_own.npy", false);
    }

    /// The peer's dequantized weights with inputs as they are.
    @ParameterizedTest
    @ValueSource(
            strings = {
                "ct-int8-w8a8",
                "ct-pack-w4-sym",
                "ct-pack-w4-asym",
                "awq-gemm-w4",
                "bnb-int8",
                "bnb-nf4",
                "bnb-nf4-dq",
                "bnb-fp4-dq"
            })
    void logitsWithoutQuantizedInputsAreThoseOfThePeersWeights(String name) throws IOException {
        assertLogits(name, "logits.npy", true);
    }

    private static void assertLogits(String name, String file, boolean weightsOnly) throws IOException {
        Path folder = PeerLogits.fixture(name);
        float[] expected = Npy.read(folder.resolve(file)).values();
        int[] tokens = PeerLogits.tokens();
        try (Checkpoint checkpoint = Checkpoint.open(folder);
                Workers workers = Workers.of(2)) {
            WeightSource source = weightsOnly
                    ? new QuantizedSource(checkpoint.weights(), _ -> LinearInput.AS_IS, Map.of(), KvScheme.FLOAT)
                    : checkpoint.weights();
            assertThat(checkpoint.support().missing()).isEmpty();
            Model java = new Model(checkpoint.network(), source, workers, InputPrecision.FLOAT);
            assertThat(new Session(java).logits(tokens).data()).as("java").containsExactly(expected, within(1e-3f));
            try (TorchModel torch = TorchModel.load(checkpoint.network(), source)) {
                assertThat(torch.logits(tokens)).as("torch").containsExactly(expected, within(1e-3f));
            }
        }
    }
}
