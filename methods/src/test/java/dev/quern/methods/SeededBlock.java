package dev.quern.methods;

import static java.util.Objects.requireNonNull;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.quern.core.ActivationScheme;
import dev.quern.core.DenseWeight;
import dev.quern.core.KvScheme;
import dev.quern.core.PackedWeight;
import dev.quern.core.QuantScheme;
import dev.quern.core.Tensor;
import dev.quern.models.Architectures;
import dev.quern.models.Block;
import dev.quern.models.Network;
import dev.quern.models.Parameter;
import dev.quern.models.WeightSource;
import dev.quern.torch.TorchTensor;
import java.util.HashMap;
import java.util.Map;

/// A network of one block with seeded weights, and tasks on it.
final class SeededBlock {
    static final int HIDDEN = 48;

    static final String LLAMA = """
            {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "attention_bias": true, %s}""";
    static final String QWEN3 = """
            {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", %s}""";
    static final String GEMMA3 = """
            {"architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text", "sliding_window": 4096, %s}""";
    private static final String SIZES = """
            "hidden_size": 48, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 6,
            "num_key_value_heads": 2, "head_dim": 8, "vocab_size": 32, "rms_norm_eps": 1e-6,
            "tie_word_embeddings": true, "max_position_embeddings": 8192""";

    private SeededBlock() {}

    static Network network(String config) {
        try {
            JsonNode json = new ObjectMapper().readTree(config.formatted(SIZES));
            return Architectures.ofConfig(json).orElseThrow().network(json);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    static WeightSource random(Network network) {
        Map<String, float[]> values = new HashMap<>();
        Map<String, Parameter> parameters = new HashMap<>();
        for (Parameter parameter : Parameter.of(network)) {
            int count = Math.toIntExact(parameter.shape().count());
            values.put(
                    parameter.name(), Seeded.floats(count, 0.3, parameter.name().hashCode()));
            parameters.put(parameter.name(), parameter);
        }
        return new WeightSource() {
            @Override
            public boolean has(String name) {
                return values.containsKey(name);
            }

            @Override
            public PackedWeight weight(String name) {
                return new DenseWeight(Tensor.of(
                        vector(name),
                        requireNonNull(parameters.get(name)).shape().sizes()));
            }

            @Override
            public float[] vector(String name) {
                return requireNonNull(values.get(name));
            }
        };
    }

    /// A task on the block of `network`, weights of `bits` in groups of 16, inputs of `actBits`.
    static BlockTask task(Network network, int bits, int actBits, long seed) {
        Block block = network.blocks().getFirst();
        ActivationScheme activations =
                actBits == 16 ? ActivationScheme.FLOAT : ActivationScheme.dynamic(actBits, false);
        return new BlockTask(
                network,
                block,
                BlockParameters.read(block, random(network)),
                new Streams(8, 20, seed),
                new BlockTarget(
                        new WeightFormat.Grouped(new QuantScheme(bits, 16, false)),
                        ActivationPlan.of(activations),
                        KvScheme.FLOAT,
                        false),
                block.linears(),
                null,
                Parallel.SERIAL,
                seed,
                BlockStatus.NONE);
    }

    /// Random residual streams with an outlier channel; the quantized prefix adds a little noise.
    private record Streams(int sequences, int length, long seed) implements BlockInputs {
        @Override
        public int tokens(int i) {
            return length;
        }

        @Override
        public TorchTensor exact(int i) {
            return stream(i, 0);
        }

        @Override
        public TorchTensor quantized(int i) {
            return stream(i, 0.02);
        }

        private TorchTensor stream(int i, double noise) {
            float[] values = Seeded.floats(length * HIDDEN, 1, seed * 1000 + i);
            float[] others = Seeded.floats(length * HIDDEN, noise, seed * 1000 + i + 500);
            for (int at = 0; at < values.length; at++) {
                values[at] = (values[at] + others[at]) * (at % HIDDEN == 7 ? 12 : 1);
            }
            return TorchTensor.of(values, length, HIDDEN);
        }
    }
}
