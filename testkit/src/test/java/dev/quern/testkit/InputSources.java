package dev.quern.testkit;

import dev.quern.core.ActivationScheme;
import dev.quern.core.DType;
import dev.quern.core.Int8Weight;
import dev.quern.core.KvScheme;
import dev.quern.core.OutlierInt8Weight;
import dev.quern.core.PackedWeight;
import dev.quern.core.QuantParams;
import dev.quern.core.Tensor;
import dev.quern.eval.SyntheticModel;
import dev.quern.models.InputTransform;
import dev.quern.models.Linear;
import dev.quern.models.LinearInput;
import dev.quern.models.LowRank;
import dev.quern.models.Network;
import dev.quern.models.WeightSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.IntFunction;

/// What can happen around a Linear's product, on random weights: quantized inputs, transforms,
/// corrections, a quantized KV cache. By name.
final class InputSources {
    private static final int[] EXACT = {3, 17, 200};
    private static final int RANK = 8;

    private InputSources() {}

    static Map<String, WeightSource> of(Network network) {
        Map<String, WeightSource> all = new LinkedHashMap<>();
        for (String encoding : List.of("int8", "q4_0", "gptq-4", "bf16")) {
            for (ActivationScheme scheme : schemes()) {
                QuantParams range = scheme.dynamic() ? null : scheme.params(-6, 8);
                LinearInput input = new LinearInput(List.of(), scheme, range, new int[0]);
                all.put(encoding + ", " + scheme, source(network, encoding, _ -> input));
            }
        }
        List<IntFunction<InputTransform>> transforms = transforms();
        for (IntFunction<InputTransform> transform : transforms) {
            LinearInput input = LinearInput.AS_IS;
            String name = transform.apply(16).getClass().getSimpleName();
            all.put(name, source(network, "q4_0", shared(n -> input.withTransforms(List.of(transform.apply(n))))));
        }
        LinearInput a8 = LinearInput.dynamic(ActivationScheme.dynamic(8, false));
        IntFunction<LinearInput> two = shared(n -> a8.withTransforms(
                List.of(transforms.get(0).apply(n), transforms.get(3).apply(n))));
        all.put("two transforms, " + a8.scheme(), source(network, "int8", two));
        all.put("correction", corrected(source(network, "q4_0", _ -> LinearInput.AS_IS)));
        all.put("outliers", withOutliers(source(network, "int8", _ -> LinearInput.AS_IS)));
        LinearInput coded =
                LinearInput.dynamic(ActivationScheme.dynamic(8, true)).withExact(EXACT);
        all.put("outliers, a8", withOutliers(source(network, "int8", _ -> coded)));
        for (int bits : new int[] {8, 4}) {
            all.put(
                    "kv " + bits,
                    source(network, "q4_0", _ -> LinearInput.AS_IS).withKv(KvScheme.of(bits)));
        }
        return all;
    }

    private static List<ActivationScheme> schemes() {
        List<ActivationScheme> all = new ArrayList<>();
        for (int bits : new int[] {8, 6, 4}) {
            for (boolean symmetric : new boolean[] {true, false}) {
                all.add(ActivationScheme.dynamic(bits, symmetric));
                all.add(ActivationScheme.fixed(bits, symmetric));
            }
        }
        all.add(ActivationScheme.dynamic(4, false).withClip(0.9f));
        return all;
    }

    /// Of sizes with an odd factor too.
    private static List<IntFunction<InputTransform>> transforms() {
        return List.of(
                n -> new InputTransform.Diagonal(values(n, 0.5f, 1.5f)),
                n -> new InputTransform.Full(n, values(n * n, -0.1f, 0.1f)),
                n -> new InputTransform.Kronecker(
                        16, values(256, -0.3f, 0.3f), n / 16, values(n / 16 * n / 16, -0.3f, 0.3f)),
                n -> InputTransform.Hadamard.seeded(n, n));
    }

    private static float[] values(int n, float least, float most) {
        Random random = new Random(n);
        float[] values = new float[n];
        for (int i = 0; i < n; i++) {
            values[i] = random.nextFloat(least, most);
        }
        return values;
    }

    /// Linears of one size share one input.
    private static IntFunction<LinearInput> shared(IntFunction<LinearInput> inputs) {
        Map<Integer, LinearInput> all = new HashMap<>();
        return n -> all.computeIfAbsent(n, inputs::apply);
    }

    private static WeightSource source(Network network, String encoding, IntFunction<LinearInput> input) {
        return new QuantizedSource(
                withFloatTable(network, encoding), l -> input.apply(l.inFeatures()), Map.of(), KvScheme.FLOAT);
    }

    /// Random weights in an encoding, with the table in floats, as files have it: codes of a row would
    /// be unpacked anew for each token.
    static WeightSource withFloatTable(Network network, String encoding) {
        WeightSource floats = SyntheticModel.of(network, "f32");
        String table = network.embedding().name();
        return new Changed(
                SyntheticModel.of(network, encoding),
                (name, weight) -> name.equals(table) ? floats.weight(name) : weight,
                _ -> Optional.empty());
    }

    private static WeightSource corrected(WeightSource base) {
        return new Changed(base, (_, weight) -> weight, linear -> {
            int in = linear.inFeatures();
            int out = linear.outFeatures();
            return Optional.of(
                    new LowRank(RANK, in, out, values(RANK * in, -0.1f, 0.1f), values(out * RANK, -0.1f, 0.1f)));
        });
    }

    private static WeightSource withOutliers(WeightSource base) {
        return new Changed(base, (_, weight) -> outliers(weight), _ -> Optional.empty());
    }

    private static PackedWeight outliers(PackedWeight weight) {
        if (!(weight instanceof Int8Weight rows)) {
            return weight;
        }
        float[] columns = values(rows.rows() * EXACT.length, -0.1f, 0.1f);
        return new OutlierInt8Weight(rows, EXACT, Tensor.of(DType.F16, columns, rows.rows(), EXACT.length));
    }

    /// A source with other weights and corrections.
    private record Changed(
            WeightSource base,
            BiFunction<String, PackedWeight, PackedWeight> weights,
            Function<Linear, Optional<LowRank>> corrections)
            implements WeightSource {
        @Override
        public boolean has(String name) {
            return base.has(name);
        }

        @Override
        public PackedWeight weight(String name) {
            return weights.apply(name, base.weight(name));
        }

        @Override
        public LinearInput input(Linear linear) {
            return base.input(linear);
        }

        @Override
        public Optional<LowRank> correction(Linear linear) {
            return corrections.apply(linear);
        }

        @Override
        public float[] vector(String name) {
            return base.vector(name);
        }
    }
}
