package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.quern.methods.BlockParameters;
import dev.quern.methods.NormSite;
import dev.quern.methods.QueryKeySite;
import dev.quern.methods.Site;
import dev.quern.methods.Sites;
import dev.quern.methods.UpSite;
import dev.quern.methods.ValueSite;
import dev.quern.models.Block;
import dev.quern.models.Checkpoint;
import dev.quern.models.Embedding;
import dev.quern.models.Linear;
import dev.quern.models.Network;
import dev.quern.models.Norm;
import dev.quern.torch.Torch;
import dev.quern.torch.TorchOps;
import dev.quern.torch.TorchScope;
import dev.quern.torch.TorchTensor;
import dev.quern.torch.TorchWeights;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Scales that move at a site leave the model as it was, in every architecture; what is no site changes it.
class SitesTest {
    private static final int TOKENS = 24;

    @TempDir
    private Path directory;

    static List<TinyModel> models() {
        return TinyModels.ALL;
    }

    @ParameterizedTest
    @MethodSource("models")
    void foldingAtEverySiteLeavesTheLogits(TinyModel model) {
        Random random = new Random(1);
        double difference = changed(model, (network, parameters) -> {
            for (Site site : Sites.of(network, parameters.block())) {
                site.fold(parameters, scales(site.channels(), random));
            }
        });
        assertThat(difference).isLessThan(1e-4);
    }

    @ParameterizedTest
    @MethodSource("models")
    void everyLinearStandsBehindASiteAndEveryKindOfSiteIsThere(TinyModel model) {
        Network network = TinyModels.network(model);
        for (Block block : network.blocks()) {
            List<Site> sites = Sites.of(network, block);
            assertThat(sites.stream().<Class<?>>map(Site::getClass).toList())
                    .containsExactly(NormSite.class, QueryKeySite.class, ValueSite.class, NormSite.class, UpSite.class);
            assertThat(sites.stream().flatMap(s -> s.consumers().stream()))
                    .containsExactlyInAnyOrderElementsOf(block.linears());
            for (Site site : sites) {
                for (Linear linear : site.consumers()) {
                    assertThat(IntStream.range(0, linear.inFeatures()).map(site::channel))
                            .allMatch(channel -> channel >= 0 && channel < site.channels());
                }
            }
        }
    }

    @Test
    void aConsumerLeftOutChangesTheModel() {
        TinyModel model = TinyModels.named("qwen2");
        Random random = new Random(2);
        for (int left = 0; left < 3; left++) {
            int out = left;
            double difference = changed(model, (network, parameters) -> {
                for (Site site : Sites.of(network, parameters.block())) {
                    if (site instanceof NormSite(Norm norm, List<Linear> consumers) && consumers.size() == 3) {
                        List<Linear> fewer = consumers.stream()
                                .filter(l -> l != consumers.get(out))
                                .toList();
                        new NormSite(norm, fewer).fold(parameters, scales(site.channels(), random));
                    }
                }
            });
            assertThat(difference).isGreaterThan(0.01);
        }
    }

    @Test
    void aDiagonalThatIsNotTiedOverRotaryPairsChangesTheModel() {
        Random random = new Random(3);
        double difference = changed(TinyModels.named("llama"), (network, parameters) -> {
            for (Site site : Sites.of(network, parameters.block())) {
                if (site instanceof QueryKeySite both) {
                    double[] head = scales(both.headDim(), random);
                    parameters.scaleRows(both.k(), repeated(head, both.kvHeads()));
                    double[] inverse = IntStream.range(0, head.length)
                            .mapToDouble(i -> 1 / head[i])
                            .toArray();
                    parameters.scaleRows(both.q(), repeated(inverse, both.heads()));
                }
            }
        });
        assertThat(difference).isGreaterThan(0.01);
    }

    @Test
    void aValueBiasLeftBehindChangesTheModel() {
        Random random = new Random(4);
        double difference = changed(TinyModels.named("qwen2"), (network, parameters) -> {
            for (Site site : Sites.of(network, parameters.block())) {
                if (site instanceof ValueSite values) {
                    float[] bias = parameters.bias(values.v());
                    float[] kept = bias == null ? new float[0] : bias.clone();
                    site.fold(parameters, scales(site.channels(), random));
                    parameters.setBias(values.v(), kept);
                }
            }
        });
        assertThat(difference).isGreaterThan(0.01);
    }

    private interface Change {
        void apply(Network network, BlockParameters parameters);
    }

    private static double[] scales(int count, Random random) {
        return random.doubles(count, -1.5, 1.5).map(Math::exp).toArray();
    }

    private static double[] repeated(double[] head, int heads) {
        return IntStream.range(0, heads * head.length)
                .mapToDouble(i -> head[i % head.length])
                .toArray();
    }

    /// How far the logits move when `change` is made in every block.
    private double changed(TinyModel model, Change change) {
        TinyModels.write(model, directory);
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            Network network = checkpoint.network();
            float[] before = logits(network, checkpoint, _ -> {});
            float[] after = logits(network, checkpoint, p -> change.apply(network, p));
            return LogitDifference.between(after, before, network.config().vocabSize())
                    .relative();
        }
    }

    private static float[] logits(Network network, Checkpoint checkpoint, Consumer<BlockParameters> change) {
        int[] tokens = IntStream.range(0, TOKENS)
                .map(i -> (i * i * 7 + 3) % network.config().vocabSize())
                .toArray();
        return TorchScope.call(() -> Torch.noGrad(() -> {
            Map<Integer, TorchWeights> blocks = new HashMap<>();
            Map<Norm, TorchWeights> norms = new HashMap<>();
            for (Block block : network.blocks()) {
                BlockParameters parameters = BlockParameters.read(block, checkpoint.weights());
                change.accept(parameters);
                TorchWeights weights = parameters.torch();
                blocks.put(block.layer(), weights);
                network.norms().stream()
                        .filter(norm -> norm.name().contains("layers." + block.layer() + "."))
                        .forEach(norm -> norms.put(norm, weights));
            }
            TorchOps ops = new TorchOps(new Changed(TorchWeights.streaming(checkpoint.weights()), blocks, norms));
            return network.logits(ops, network.forward(ops, tokens)).toFloats();
        }));
    }

    private record Changed(TorchWeights stored, Map<Integer, TorchWeights> blocks, Map<Norm, TorchWeights> norms)
            implements TorchWeights {
        @Override
        public TorchTensor weight(Linear linear) {
            return blocks.getOrDefault(linear.layer(), stored).weight(linear);
        }

        @Override
        public @Nullable TorchTensor bias(Linear linear) {
            return blocks.getOrDefault(linear.layer(), stored).bias(linear);
        }

        @Override
        public TorchTensor norm(Norm norm) {
            return norms.getOrDefault(norm, stored).norm(norm);
        }

        @Override
        public TorchTensor embed(Embedding table, int[] tokens) {
            return stored.embed(table, tokens);
        }
    }
}
