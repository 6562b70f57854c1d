package dev.quern.eval;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.PackedWeight;
import dev.quern.core.UsageException;
import dev.quern.formats.Json;
import dev.quern.models.Architectures;
import dev.quern.models.Network;
import dev.quern.models.WeightSource;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;

/// A Llama of random weights in an encoding of choice: how fast would a model of that size run here,
/// without a download.
///
/// Shapes: `1b` (1.17 billion parameters), `3b` (3.2) and `7b` (6.9), each with a vocabulary of 49152
/// and a head of its own. Encodings: `f32`, `bf16`, `f16`, `int8`, every GGUF block type (`q4_0`),
/// `gptq-2`, `-3`, `-4`, `-8` in groups of 128, `vptq-v8-k4096` and `vptq-v4-k64-64`: vectors of one
/// codebook for each matrix, or of sums of two.
///
/// All matrices are views of one piece of memory as large as the largest, each from a place of its own.
/// So the source of a model of any depth takes no more than its table. Every kernel but the scalar one,
/// which memory does not hold up, copies what it reads. Weights are the same whatever is asked for first.
public final class SyntheticModel implements WeightSource {
    /// Names of the shapes.
    public static final List<String> SHAPES = List.of("1b", "3b", "7b");

    private static final int VOCABULARY = 49152;

    /// Places where a matrix may begin, and the bytes from one to the next.
    private static final int PLACES = 1024;

    private static final int STEP = 64;

    private final SyntheticEncoding encoding;
    private final Network network;
    private final Map<String, Integer> sizes = new HashMap<>();
    private final Map<String, int[]> matrices = new HashMap<>();
    private final MemorySegment memory;

    private SyntheticModel(SyntheticEncoding encoding, Network network) {
        this.encoding = encoding;
        this.network = network;
        var table = network.embedding();
        matrices.put(table.name(), new int[] {table.vocabSize(), table.hiddenSize()});
        network.linears().forEach(l -> matrices.put(l.weightName(), new int[] {l.outFeatures(), l.inFeatures()}));
        var head = network.head();
        matrices.put(head.weightName(), new int[] {head.outFeatures(), head.inFeatures()});
        network.norms().forEach(norm -> sizes.put(norm.name(), norm.size()));
        long largest = matrices.values().stream()
                .mapToLong(size -> encoding.bytes(size[0], size[1]))
                .max()
                .orElseThrow();
        byte[] data = new byte[Math.toIntExact(largest + PLACES * STEP)];
        encoding.fill(data, new SplittableRandom(0));
        this.memory = MemorySegment.ofArray(data);
    }

    /// A model of `shape` in `encoding`; unknown names are refused.
    public static SyntheticModel of(String shape, String encoding) {
        Network network = switch (shape) {
            case "1b" -> llama(2048, 22, 5632, 32, 4, VOCABULARY);
            case "3b" -> llama(3072, 28, 8192, 24, 8, VOCABULARY);
            case "7b" -> llama(4096, 32, 11008, 32, 32, VOCABULARY);
            default -> throw new UsageException("--synthetic " + shape + ": expected " + SHAPES);
        };
        return of(network, encoding);
    }

    /// The same of a network of choice.
    public static SyntheticModel of(Network network, String encoding) {
        return new SyntheticModel(SyntheticEncoding.of(encoding.toLowerCase(Locale.ROOT)), network);
    }

    /// A Llama of these sizes with a head of its own.
    public static Network llama(int hidden, int layers, int intermediate, int heads, int kvHeads, int vocabulary) {
        ObjectNode config = Json.object();
        config.putArray("architectures").add("LlamaForCausalLM");
        config.put("hidden_size", hidden)
                .put("num_hidden_layers", layers)
                .put("intermediate_size", intermediate)
                .put("num_attention_heads", heads)
                .put("num_key_value_heads", kvHeads)
                .put("vocab_size", vocabulary)
                .put("max_position_embeddings", 16384)
                .put("rms_norm_eps", 1e-5)
                .put("rope_theta", 10000.0)
                .put("hidden_act", "silu")
                .put("tie_word_embeddings", false);
        return Architectures.ofConfig(config).orElseThrow().network(config);
    }

    /// What it computes.
    public Network network() {
        return network;
    }

    @Override
    public boolean has(String name) {
        return matrices.containsKey(name) || sizes.containsKey(name);
    }

    @Override
    public PackedWeight weight(String name) {
        int[] size = matrices.get(name);
        if (size == null) {
            throw new IllegalArgumentException("no matrix " + name);
        }
        SplittableRandom random = new SplittableRandom(name.hashCode());
        long from = (long) STEP * random.nextInt(PLACES);
        MemorySegment data = memory.asSlice(from, encoding.bytes(size[0], size[1]));
        return encoding.weight(size[0], size[1], data, random);
    }

    @Override
    public float[] vector(String name) {
        Integer size = sizes.get(name);
        if (size == null) {
            throw new IllegalArgumentException("no vector " + name);
        }
        float[] ones = new float[size];
        Arrays.fill(ones, 1);
        return ones;
    }
}
