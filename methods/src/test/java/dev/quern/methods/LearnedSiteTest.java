package dev.quern.methods;

import static org.assertj.core.api.Assertions.assertThat;

import dev.quern.models.Block;
import dev.quern.models.Network;
import dev.quern.torch.Torch;
import dev.quern.torch.TorchOps;
import dev.quern.torch.TorchScope;
import dev.quern.torch.TorchTensor;
import dev.quern.torch.TorchWeights;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class LearnedSiteTest {
    private static final int TOKENS = 40;

    record Case(String config, InvertibleForm form, SiteDesign.Norms norms) {}

    static Stream<Case> cases() {
        return Stream.of(SeededBlock.LLAMA, SeededBlock.QWEN3, SeededBlock.GEMMA3)
                .flatMap(config -> Stream.of(new SvdForm(1e3), new LuForm(0.5), new DominantForm(0.9), new DirectForm())
                        .flatMap(form -> Stream.of(SiteDesign.Norms.DIAGONAL, SiteDesign.Norms.FULL)
                                .map(norms -> new Case(config, form, norms))));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void anyNumbersLeaveTheOutputToTwelveDigits(Case c) {
        Network network = SeededBlock.network(c.config);
        Block block = network.blocks().getFirst();
        BlockParameters parameters = BlockParameters.read(block, SeededBlock.random(network));
        TorchScope.run(() -> Torch.noGrad(() -> {
            BlockTensors tensors = BlockTensors.of(parameters, true);
            double[] before = output(block, parameters, tensors);
            Random random = new Random(5);
            for (LearnedSite site : sites(network, block, c)) {
                for (Learned one : site.learned()) {
                    for (int i = 0; i < one.values().length; i++) {
                        one.values()[i] += (one.part() == Learned.Part.MATRIX ? 0.03 : 0.3) * random.nextGaussian();
                    }
                }
                site.apply(tensors, Leaves.of(List.of(site), false), 0);
            }
            double[] after = output(block, parameters, tensors);
            double size = Arrays.stream(before).map(Math::abs).max().orElseThrow();
            for (int i = 0; i < before.length; i++) {
                assertThat(Math.abs(after[i] - before[i]) / size).isLessThan(1e-9);
            }
            return 0;
        }));
    }

    private static List<LearnedSite> sites(Network network, Block block, Case c) {
        return Sites.of(network, block).stream()
                .map(site -> switch (site) {
                    case NormSite norm ->
                        c.norms == SiteDesign.Norms.FULL
                                ? new LearnedInput(
                                        norm.consumers(), new DirectForm(), GradualMask.OPEN, ones(norm.channels()))
                                : new LearnedScale(norm, ones(norm.channels()));
                    case UpSite up -> new LearnedScale(up, ones(up.channels()));
                    case QueryKeySite pairs -> new LearnedPairs(pairs);
                    case ValueSite value ->
                        new LearnedHeads(
                                value, c.form, GradualMask.OPEN, ones(value.channels()), new double[value.channels()]);
                })
                .toList();
    }

    private static double[] output(Block block, BlockParameters parameters, BlockTensors tensors) {
        TorchWeights weights = new NamedWeights(tensors.named(), parameters.torch());
        double[] x = new Random(3).doubles((long) TOKENS * 48, -1, 1).toArray();
        return block.forward(new TorchOps(weights), TorchTensor.of(x, TOKENS, 48))
                .toDoubles();
    }

    private static double[] ones(int count) {
        double[] ones = new double[count];
        Arrays.fill(ones, 1);
        return ones;
    }
}
