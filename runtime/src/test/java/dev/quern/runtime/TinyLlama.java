package dev.quern.runtime;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.quern.core.DenseWeight;
import dev.quern.core.KvScheme;
import dev.quern.core.PackedWeight;
import dev.quern.core.Tensor;
import dev.quern.kernels.Workers;
import dev.quern.models.Architectures;
import dev.quern.models.Linear;
import dev.quern.models.Network;
import dev.quern.models.Norm;
import dev.quern.models.WeightSource;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Random;

/// A Llama of two layers with seeded weights, in memory.
final class TinyLlama {
    static final int VOCAB = 96;

    private static final String CONFIG = """
            {"architectures": ["LlamaForCausalLM"], "vocab_size": 96, "hidden_size": 32, "intermediate_size": 64,
             "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-5,
             "max_position_embeddings": 512, "rope_theta": 10000.0, "hidden_act": "silu"}
            """;

    private TinyLlama() {}

    static Model model(long seed, Workers workers) throws JsonProcessingException {
        return model(seed, workers, KvScheme.FLOAT);
    }

    static Model model(long seed, Workers workers, KvScheme kv) throws JsonProcessingException {
        var config = new ObjectMapper().readTree(CONFIG);
        Network network = Architectures.ofConfig(config).orElseThrow().network(config);
        Random random = new Random(seed);
        Map<String, Tensor> tensors = new HashMap<>();
        put(tensors, network.embedding().name(), random, VOCAB, 32);
        for (Linear linear : network.linears()) {
            put(tensors, linear.weightName(), random, linear.outFeatures(), linear.inFeatures());
        }
        put(tensors, network.head().weightName(), random, VOCAB, 32);
        for (Norm norm : network.norms()) {
            put(tensors, norm.name(), random, norm.size());
        }
        return new Model(network, source(tensors).withKv(kv), workers);
    }

    static int[] tokens(int count, long seed) {
        return new Random(seed).ints(count, 0, VOCAB).toArray();
    }

    private static WeightSource source(Map<String, Tensor> tensors) {
        return new WeightSource() {
            @Override
            public boolean has(String name) {
                return tensors.containsKey(name);
            }

            @Override
            public PackedWeight weight(String name) {
                return new DenseWeight(Objects.requireNonNull(tensors.get(name)));
            }

            @Override
            public float[] vector(String name) {
                return Objects.requireNonNull(tensors.get(name)).toFloats();
            }
        };
    }

    private static void put(Map<String, Tensor> tensors, String name, Random random, long... sizes) {
        int count = 1;
        for (long size : sizes) {
            count *= (int) size;
        }
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) (random.nextGaussian() * 0.3) + (sizes.length == 1 ? 1 : 0);
        }
        tensors.put(name, Tensor.of(values, sizes));
    }
}
