package dev.quern.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.Codebook;
import dev.quern.core.DType;
import dev.quern.core.PackedBits;
import dev.quern.core.QuernException;
import dev.quern.core.Tensor;
import dev.quern.core.TensorSource;
import dev.quern.core.UnsupportedModelException;
import dev.quern.core.VectorWeight;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class VptqLayoutTest {
    /// Tensors in memory.
    private record Held(Map<String, Tensor> tensors) implements TensorSource {
        @Override
        public Set<String> names() {
            return tensors.keySet();
        }

        @Override
        public Tensor tensor(String name) {
            Tensor tensor = tensors.get(name);
            if (tensor == null) {
                throw new IllegalArgumentException("no tensor " + name);
            }
            return tensor;
        }
    }

    @Property(tries = 100)
    void whatIsWrittenReadsBackAsTheSameWeight(
            @ForAll @IntRange(min = 0, max = 1) int residual,
            @ForAll @IntRange(min = 0, max = 3) int outliers,
            @ForAll @IntRange(min = 1, max = 3) int groups,
            @ForAll boolean norm,
            @ForAll long seed) {
        VectorWeight weight = weight(residual * 8, outliers, groups, norm, seed);
        VptqConfig config = new VptqConfig(Map.of("a.m", VptqConfig.Module.of(weight, false)), Map.of());
        VptqConfig again = VptqConfig.find(config.toJson()).orElseThrow();
        VectorWeight read = VptqLayout.read(held(VptqLayout.plans("a.m", weight)), "a.m", again);
        assertThat(read.unpack()).containsExactly(weight.unpack());
        assertThat(read.encoding()).isEqualTo(weight.encoding());
        assertThat(read.bytes()).isEqualTo(weight.bytes());
    }

    /// By hand from the layout's description: 5 outputs, 3 inputs, vectors of 2, four centroids and two residual ones.
    @Test
    void aDirectoryMadeByHandDecodesToTheExpectedWeights() {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        tensors.put("x.q_proj.centroids.weight", Tensor.of(DType.F16, new float[] {0, 1, 2, 3, 4, 5, 6, 7}, 1, 8));
        tensors.put("x.q_proj.res_centroids.weight", Tensor.of(DType.F16, new float[] {0, 0, 0.5f, 0.25f}, 1, 4));
        // code words idx | res << 2 of three bits, lowest first, a 32-bit word for each row of three
        int[] words = {1 | 6 << 3 | 3 << 6, 0 | 5 << 3 | 2 << 6, 7 | 4 << 3 | 1 << 6};
        tensors.put("x.q_proj.indices", Tensor.of(words, 1, 3, 1));
        tensors.put("x.q_proj.perm", VectorWeight.unsigned(new int[] {2, 0, 1}, 3));
        tensors.put("x.q_proj.weight_scale", Tensor.of(DType.F16, new float[] {1, 2, 4}, 3));
        tensors.put("x.q_proj.weight_bias", Tensor.of(DType.F16, new float[] {0, 1, -1}, 3));
        JsonNode json = Json.parse(java.nio.file.Path.of("config.json"), """
                {"quant_method": "vptq", "shared_layer_config": {"q_proj": {"in_features": 3, "out_features": 5,
                "vector_lens": [-1, 2], "num_centroids": [-1, 4], "num_res_centroids": [-1, 2], "group_num": 1,
                "group_size": 3, "outlier_size": 0, "indices_as_float": false, "enable_norm": true,
                "enable_perm": true, "is_indice_packed": true, "bias": false}}}""");
        VectorWeight weight = VptqLayout.read(
                new Held(tensors), "x.q_proj", VptqConfig.find(json).orElseThrow());
        // places: column 2, 0, 1; rows 0 and 1 are centroids 1, 2 + residual 1, 3
        assertThat(weight.unpack())
                .containsExactly(4.5f, 13, 7, 5.25f, 15, 11, 2.5f, 9, -1, 3.25f, 11, 3, 0.5f, 5, 4 * 6.5f - 1);
    }

    @Test
    void unpackedIndicesAndWidePermutationsAreRead() {
        VectorWeight weight = weight(4, 0, 1, false, 7);
        Map<String, Tensor> tensors =
                new LinkedHashMap<>(held(VptqLayout.plans("m", weight)).tensors());
        int n = weight.vectors();
        int[] codes = new int[n * weight.cols()];
        for (int i = 0; i < n; i++) {
            weight.unpackIndices(i, codes, i * weight.cols());
        }
        int low = weight.main().bits();
        int[] main = IntStream.of(codes).map(c -> c & (1 << low) - 1).toArray();
        int[] residual = IntStream.of(codes).map(c -> c >>> low).toArray();
        tensors.put("m.indices", VectorWeight.unsigned(main, 1, n, weight.cols()));
        tensors.put("m.res_indices", VectorWeight.unsigned(residual, 1, n, weight.cols()));
        ObjectNode json = new VptqConfig(Map.of("m", VptqConfig.Module.of(weight, false)), Map.of()).toJson();
        ((ObjectNode) json.path("config_for_layers").path("m")).remove("is_indice_packed");
        VectorWeight read =
                VptqLayout.read(new Held(tensors), "m", VptqConfig.find(json).orElseThrow());
        assertThat(read.unpack()).containsExactly(weight.unpack());
    }

    @Test
    void aMissingOrWrongFieldGivesOneClearLine() {
        VectorWeight weight = weight(0, 2, 1, true, 3);
        ObjectNode good = new VptqConfig(Map.of("m", VptqConfig.Module.of(weight, false)), Map.of()).toJson();
        Held held = held(VptqLayout.plans("m", weight));
        for (String part : List.of("indices", "centroids.weight", "weight_scale", "outlier_indices")) {
            Map<String, Tensor> less = new LinkedHashMap<>(held.tensors());
            less.remove("m." + part);
            assertThatThrownBy(() -> VptqLayout.read(new Held(less), "m", parse(good)))
                    .isInstanceOf(QuernException.class)
                    .hasMessage("m: the tensor m." + part + " is missing");
        }
        assertThatThrownBy(() -> parse(changed(good, "out_features", "\"many\"")))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContaining("config_for_layers.m: out_features is \"many\", expected a whole number");
        assertThatThrownBy(() -> parse(changed(good, "vector_lens", "[4]")))
                .hasMessageContaining("vector_lens[1] is missing");
        assertThatThrownBy(() -> VptqLayout.read(held, "m", parse(changed(good, "out_features", "80"))))
                .isInstanceOf(QuernException.class)
                .hasMessageContaining("m: indices are I32");
        assertThatThrownBy(() -> VptqLayout.read(held, "m", parse(changed(good, "num_centroids", "[4, 64]"))))
                .hasMessageContaining("m: centroids.weight is");
        assertThatThrownBy(() -> VptqLayout.read(held, "other", parse(good)))
                .hasMessageContaining("other: neither config_for_layers nor shared_layer_config");
    }

    private static VptqConfig parse(ObjectNode json) {
        return VptqConfig.find(json).orElseThrow();
    }

    private static ObjectNode changed(ObjectNode config, String key, String value) {
        ObjectNode copy = config.deepCopy();
        ((ObjectNode) copy.path("config_for_layers").path("m"))
                .set(key, Json.parse(java.nio.file.Path.of("config.json"), value));
        return copy;
    }

    static VectorWeight weight(int residual, int outliers, int groups, boolean norm, long seed) {
        Random random = new Random(seed);
        int rows = 13;
        int cols = 18 + outliers;
        int length = 4;
        int n = Math.ceilDiv(rows, length);
        int bits = 5 + (residual == 0 ? 0 : Integer.numberOfTrailingZeros(residual));
        int[] codes = random.ints((long) n * 18, 0, 1 << bits).toArray();
        Tensor indices = Tensor.of(
                PackedBits.pack(codes, n * groups, 18 / groups, bits), groups, n, PackedBits.words(18 / groups, bits));
        int[] order = IntStream.range(0, cols).map(i -> (i * 5 + 1) % cols).toArray();
        boolean shuffled = cols % 5 != 0;
        return new VectorWeight(
                rows,
                cols,
                new Codebook(groups, 32, length, floats(random, groups, 32 * length)),
                residual == 0
                        ? null
                        : new Codebook(groups, residual, length, floats(random, groups, residual * length)),
                outliers == 0 ? null : new Codebook(1, 4, 2, floats(random, 1, 8)),
                outliers,
                indices,
                outliers == 0
                        ? null
                        : VectorWeight.unsigned(random.ints(7L * outliers, 0, 4).toArray(), 1, 7, outliers),
                shuffled ? VectorWeight.unsigned(order, cols) : null,
                norm ? floats(random, cols) : null,
                norm ? floats(random, cols) : null);
    }

    private static Tensor floats(Random random, long... shape) {
        long count = 1;
        for (long size : shape) {
            count *= size;
        }
        float[] values = new float[(int) count];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return Tensor.of(DType.F16, values, shape);
    }

    private static Held held(List<TensorPlan> plans) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        plans.forEach(plan -> tensors.put(plan.name(), plan.data().get()));
        return new Held(tensors);
    }
}
