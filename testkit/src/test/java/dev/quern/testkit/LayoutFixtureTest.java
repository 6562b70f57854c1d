package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.quern.core.ActivationScheme;
import dev.quern.core.KvScheme;
import dev.quern.core.PackedWeight;
import dev.quern.kernels.InputPrecision;
import dev.quern.kernels.Workers;
import dev.quern.models.Checkpoint;
import dev.quern.models.Linear;
import dev.quern.models.LinearInput;
import dev.quern.models.Network;
import dev.quern.models.WeightSource;
import dev.quern.runtime.Model;
import dev.quern.runtime.Session;
import dev.quern.torch.TorchModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Checkpoints that other packages wrote give their logits in both executors.
class LayoutFixtureTest {
    /// A token's largest magnitude, where it is negative, lies on the edge between −128 and −127 and falls
    /// to either side by the last bit of a float32, which the order of summation decides, on every processor
    /// another. The package itself agrees with its fixture on 14 of 16 tokens elsewhere, for what fell moves
    /// later tokens too. So the norms are nudged by their last bits until every token had its logits to the
    /// last digits in some fall of the edges, which takes a dozen draws. With another grid no token ever has.
    @Test
    void int8InputsAreQuantizedAsThePeerDoes() throws IOException {
        Path folder = PeerLogits.fixture("ct-int8-w8a8");
        float[] expected = Npy.read(folder.resolve("logits_own.npy")).values();
        try (Checkpoint checkpoint = Checkpoint.open(folder);
                Workers workers = Workers.of(2)) {
            Network network = checkpoint.network();
            WeightSource own = checkpoint.weights();
            Model java = new Model(network, own, workers);
            assertThat(java.activations()).containsExactly("a8 dynamic symmetric × int8");
            assertThat(java.kernels()).containsExactly("int8", "dense");
            assertThat(agreeing(network, own, workers, expected, 100))
                    .allSatisfy(tokens -> assertThat(tokens).hasSize(PeerLogits.tokens().length));
            LinearInput asymmetric = LinearInput.dynamic(ActivationScheme.dynamic(8, false));
            WeightSource other = new QuantizedSource(own, _ -> asymmetric, Map.of(), KvScheme.FLOAT);
            assertThat(agreeing(network, other, workers, expected, 10))
                    .allSatisfy(tokens -> assertThat(tokens).isEmpty());
        }
    }

    /// The tokens that had the expected logits in one of the draws, in Java and in torch; ends when these are all.
    private static List<Set<Integer>> agreeing(
            Network network, WeightSource source, Workers workers, float[] expected, int draws) {
        int[] tokens = PeerLogits.tokens();
        List<Set<Integer>> agreeing = List.of(new TreeSet<>(), new TreeSet<>());
        for (int draw = 0; draw < draws && agreeing.stream().anyMatch(set -> set.size() < tokens.length); draw++) {
            WeightSource nudged = new Nudged(source, draw);
            Model java = new Model(network, nudged, workers);
            try (TorchModel torch = TorchModel.load(network, nudged)) {
                List<float[]> logits = List.of(new Session(java).logits(tokens).data(), torch.logits(tokens));
                for (int e = 0; e < logits.size(); e++) {
                    for (int t = 0; t < tokens.length; t++) {
                        if (worst(logits.get(e), expected, t, java.vocabSize()) < 1e-4) {
                            agreeing.get(e).add(t);
                        }
                    }
                }
            }
        }
        return agreeing;
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

    /// The same weights with norms moved by up to two of their last bits; draw 0 as they are.
    private record Nudged(WeightSource base, int draw) implements WeightSource {
        @Override
        public boolean has(String name) {
            return base.has(name);
        }

        @Override
        public PackedWeight weight(String name) {
            return base.weight(name);
        }

        @Override
        public LinearInput input(Linear linear) {
            return base.input(linear);
        }

        @Override
        public float[] vector(String name) {
            float[] vector = base.vector(name).clone();
            SplittableRandom random = new SplittableRandom(31L * draw + name.hashCode());
            for (int i = 0; draw > 0 && i < vector.length; i++) {
                vector[i] += random.nextInt(-2, 3) * Math.ulp(vector[i]);
            }
            return vector;
        }
    }
}
