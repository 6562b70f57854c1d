package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.quern.core.ActivationScheme;
import dev.quern.core.DType;
import dev.quern.core.DenseWeight;
import dev.quern.core.Int8Weight;
import dev.quern.core.KvScheme;
import dev.quern.core.OutlierInt8Weight;
import dev.quern.core.PackedWeight;
import dev.quern.core.QuantParams;
import dev.quern.core.Tensor;
import dev.quern.kernels.Workers;
import dev.quern.models.Checkpoint;
import dev.quern.models.InputTransform;
import dev.quern.models.Linear;
import dev.quern.models.LinearInput;
import dev.quern.models.Network;
import dev.quern.models.WeightSource;
import dev.quern.runtime.Model;
import dev.quern.runtime.Rows;
import dev.quern.runtime.Session;
import dev.quern.torch.TorchModel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Both executors give the same to quantized activations, int8 weights, transforms and a quantized KV cache, for every
/// architecture.
class QuantizedParityTest {
    private static final int TOKENS = 40;

    /// A value near the middle between two codes may fall to either side, because the executors sum in different
    /// orders; everything behind it then differs by a step of the grid.
    private static final double ROUNDING = 0.02;

    static List<TinyModel> models() {
        return TinyModels.ALL;
    }

    static Stream<Arguments> schemes() {
        return TinyModels.ALL.stream()
                .flatMap(model -> Stream.of(
                                ActivationScheme.dynamic(8, true),
                                ActivationScheme.dynamic(8, false),
                                ActivationScheme.fixed(8, true),
                                ActivationScheme.fixed(8, false),
                                ActivationScheme.dynamic(6, false),
                                ActivationScheme.dynamic(4, false),
                                ActivationScheme.dynamic(4, false).withClip(0.9f),
                                ActivationScheme.dynamic(4, true).withClip(0.8f))
                        .map(scheme -> Arguments.of(model, scheme)));
    }

    @ParameterizedTest
    @MethodSource("schemes")
    void quantizedActivationsOnFloatAndInt8Weights(TinyModel tiny, ActivationScheme scheme, @TempDir Path directory) {
        TinyModels.write(tiny, directory);
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            QuantParams range = scheme.dynamic() ? null : scheme.params(-6, 8);
            LinearInput input = new LinearInput(List.of(), scheme, range, new int[0]);
            for (boolean int8 : new boolean[] {true, false}) {
                WeightSource source = new QuantizedSource(
                        checkpoint.weights(),
                        blocksOnly(checkpoint.network(), _ -> input),
                        int8 ? int8(checkpoint.network()) : Map.of(),
                        KvScheme.FLOAT);
                LogitDifference difference = difference(checkpoint.network(), source, TOKENS);
                // fewer codes, larger steps
                double tolerance = ROUNDING * (1 << (8 - scheme.bits()));
                assertThat(difference.mean())
                        .as("int8 %s: %s", int8, difference)
                        .isLessThan(tolerance);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void transformsWhoseWeightsWereCounteredChangeNothing(TinyModel tiny, @TempDir Path directory) {
        TinyModels.write(tiny, directory);
        try (Checkpoint checkpoint = Checkpoint.open(directory);
                Workers workers = Workers.of(2)) {
            Network network = checkpoint.network();
            Map<String, LinearInput> inputs = new HashMap<>();
            Map<String, UnaryOperator<PackedWeight>> weights = new HashMap<>();
            int kind = 0;
            for (Linear linear : network.linears()) {
                InputTransform transform = transform(kind++, linear.inFeatures());
                inputs.put(linear.name(), LinearInput.AS_IS.withTransforms(List.of(transform)));
                weights.put(linear.weightName(), weight -> countered(weight, transform));
            }
            Function<Linear, LinearInput> input = l -> inputs.getOrDefault(l.name(), LinearInput.AS_IS);
            WeightSource source = new QuantizedSource(checkpoint.weights(), input, weights, KvScheme.FLOAT);
            LogitDifference parity = difference(network, source, TOKENS);
            assertThat(parity.relative()).as("%s", parity).isLessThan(1e-4);
            int[] tokens = tokens(TOKENS, network.config().vocabSize());
            float[] plain = new Session(new Model(network, checkpoint.weights(), workers))
                    .logits(tokens)
                    .data();
            float[] turned = new Session(new Model(network, source, workers))
                    .logits(tokens)
                    .data();
            LogitDifference same =
                    LogitDifference.between(turned, plain, network.config().vocabSize());
            assertThat(same.relative()).as("%s", same).isLessThan(1e-3);
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void outlierColumnsStayExact(TinyModel tiny, @TempDir Path directory) {
        TinyModels.write(tiny, directory);
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            Network network = checkpoint.network();
            int[] outliers = {2, 17, 40};
            Map<String, UnaryOperator<PackedWeight>> weights = new HashMap<>();
            network.linears().forEach(l -> weights.put(l.weightName(), w -> outliers(w, outliers)));
            LinearInput input =
                    LinearInput.dynamic(ActivationScheme.dynamic(8, true)).withExact(outliers);
            WeightSource source =
                    new QuantizedSource(checkpoint.weights(), blocksOnly(network, _ -> input), weights, KvScheme.FLOAT);
            LogitDifference difference = difference(network, source, TOKENS);
            assertThat(difference.mean()).as("%s", difference).isLessThan(ROUNDING);
        }
    }

    static Stream<Arguments> kvSchemes() {
        return TinyModels.ALL.stream()
                .flatMap(model -> Stream.of(
                                KvScheme.HALF,
                                KvScheme.of(8),
                                KvScheme.of(4),
                                KvScheme.of(2),
                                new KvScheme(4, 32, 0, 0),
                                new KvScheme(2, 64, 128, 31))
                        .map(scheme -> Arguments.of(model, scheme)));
    }

    /// Keys and values near the middle between two codes may fall to either side, as inputs do; how many do depends on
    /// the machine. That moves the logits by a part of what codes move them; wrong codes move them as much.
    @ParameterizedTest
    @MethodSource("kvSchemes")
    void aQuantizedKvCacheIsTheSameInBothAndHoweverTheTextIsCut(TinyModel tiny, KvScheme kv, @TempDir Path directory) {
        TinyModels.write(tiny, directory);
        try (Checkpoint checkpoint = Checkpoint.open(directory);
                Workers workers = Workers.of(2)) {
            Network network = checkpoint.network();
            WeightSource source = new QuantizedSource(checkpoint.weights(), _ -> LinearInput.AS_IS, Map.of(), kv);
            LogitDifference difference = difference(network, source, 290);
            int[] tokens = tokens(290, network.config().vocabSize());
            Model model = new Model(network, source, workers);
            LogitDifference rounding = LogitDifference.between(
                    new Session(model).logits(tokens).data(),
                    new Session(new Model(network, checkpoint.weights(), workers))
                            .logits(tokens)
                            .data(),
                    network.config().vocabSize());
            assertThat(difference.mean()).as("%s", difference).isLessThan(1e-5 + rounding.mean() / 4);
            if (kv.recent() > 0) {
                assertThat(difference.mean()).as("%s", difference).isLessThan(0.02);
            }
            Session whole = new Session(model);
            Session pieces = new Session(model);
            float[] expected = whole.prefill(tokens);
            float[] last = expected;
            for (int at = 0; at < tokens.length; ) {
                int n = Math.min(tokens.length - at, at % 3 == 0 ? 1 : 50);
                last = pieces.prefill(Arrays.copyOfRange(tokens, at, at + n));
                at += n;
            }
            if (!tiny.name().equals("llama-dynamic")) {
                LogitDifference cut = LogitDifference.between(last, expected, last.length);
                assertThat(cut.mean()).as("%s", cut).isLessThan(0.05);
            }
            assertThat(pieces.cacheBytes()).isEqualTo(whole.cacheBytes());
        }
    }

    static Function<Linear, LinearInput> blocksOnly(Network network, Function<Linear, LinearInput> inputs) {
        return linear -> linear.equals(network.head()) ? LinearInput.AS_IS : inputs.apply(linear);
    }

    static LogitDifference difference(Network network, WeightSource source, int count) {
        try (Workers workers = Workers.of(2);
                TorchModel torch = TorchModel.load(network, source)) {
            int[] tokens = tokens(count, torch.vocabSize());
            Rows logits = new Session(new Model(network, source, workers)).logits(tokens);
            return LogitDifference.between(logits.data(), torch.logits(tokens), torch.vocabSize());
        }
    }

    private static Map<String, UnaryOperator<PackedWeight>> int8(Network network) {
        Map<String, UnaryOperator<PackedWeight>> weights = new HashMap<>();
        network.linears().forEach(l -> weights.put(l.weightName(), QuantizedParityTest::int8));
        return weights;
    }

    private static Int8Weight int8(PackedWeight weight) {
        return Int8Weight.nearest(weight.rows(), weight.cols(), weight.unpack(), DType.F16);
    }

    private static PackedWeight outliers(PackedWeight weight, int[] columns) {
        float[] values = weight.unpack();
        float[] some = new float[weight.rows() * columns.length];
        for (int r = 0; r < weight.rows(); r++) {
            for (int i = 0; i < columns.length; i++) {
                some[r * columns.length + i] = values[r * weight.cols() + columns[i]];
            }
        }
        return new OutlierInt8Weight(int8(weight), columns, Tensor.of(DType.F16, some, weight.rows(), columns.length));
    }

    private static InputTransform transform(int kind, int n) {
        Random random = new Random(kind);
        return switch (kind % 4) {
            case 0 -> InputTransform.Hadamard.seeded(n, kind);
            case 1 -> {
                float[] factors = new float[n];
                for (int i = 0; i < n; i++) {
                    factors[i] = 0.5f + random.nextFloat();
                }
                yield new InputTransform.Diagonal(factors);
            }
            case 2 -> new InputTransform.Kronecker(8, near(8, random), n / 8, near(n / 8, random));
            default -> new InputTransform.Full(n, near(n, random));
        };
    }

    /// A matrix near the identity.
    private static float[] near(int n, Random random) {
        float[] matrix = new float[n * n];
        for (int i = 0; i < matrix.length; i++) {
            matrix[i] = (float) (random.nextGaussian() * 0.2 / Math.sqrt(n)) + (i % (n + 1) == 0 ? 1 : 0);
        }
        return matrix;
    }

    private static PackedWeight countered(PackedWeight weight, InputTransform transform) {
        InputTransform.RowMap counter = transform.counter();
        float[] values = weight.unpack();
        double[] row = new double[weight.cols()];
        for (int r = 0; r < weight.rows(); r++) {
            for (int i = 0; i < row.length; i++) {
                row[i] = values[r * row.length + i];
            }
            counter.apply(row, 0);
            for (int i = 0; i < row.length; i++) {
                values[r * row.length + i] = (float) row[i];
            }
        }
        return new DenseWeight(Tensor.of(values, weight.rows(), weight.cols()));
    }

    static int[] tokens(int count, int vocabSize) {
        return IntStream.range(0, count).map(i -> (i * i * 7 + 3) % vocabSize).toArray();
    }
}
