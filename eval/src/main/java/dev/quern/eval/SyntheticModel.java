package dev.quern.eval;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.BlockType;
import dev.quern.core.BlockWeight;
import dev.quern.core.Codebook;
import dev.quern.core.DType;
import dev.quern.core.DenseWeight;
import dev.quern.core.GroupedWeight;
import dev.quern.core.Int8Weight;
import dev.quern.core.PackedBits;
import dev.quern.core.PackedWeight;
import dev.quern.core.Shape;
import dev.quern.core.Tensor;
import dev.quern.core.UsageException;
import dev.quern.core.VectorWeight;
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
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A Llama of random weights in an encoding of choice, made matrix by matrix as they are asked for: how fast would a
/// model of that size run here, without a download.
///
/// Shapes: `1b` (1.17 billion parameters), `3b` (3.2) and `7b` (6.9), each with a vocabulary of 49152
/// and a head of its own. Encodings: `f32`, `bf16`, `f16`, `int8`, every GGUF block type (`q4_0`),
/// `gptq-2`, `-3`, `-4`, `-8` in groups of 128, `vptq-v8-k4096` and `vptq-v4-k64-64`: vectors of one
/// codebook for each matrix, or of sums of two.
public final class SyntheticModel implements WeightSource {
    /// Names of the shapes.
    public static final List<String> SHAPES = List.of("1b", "3b", "7b");

    private static final int VOCABULARY = 49152;
    private static final int GROUP = 128;
    private static final Pattern VECTORS = Pattern.compile("vptq-v([1-9]\\d?)-k(\\d{1,5})(?:-(\\d{1,5}))?");

    private final String encoding;
    private final Network network;
    private final Map<String, Integer> sizes = new HashMap<>();
    private final Map<String, int[]> matrices = new HashMap<>();
    private final SplittableRandom random = new SplittableRandom(0);

    private SyntheticModel(String encoding, Network network) {
        this.encoding = encoding;
        this.network = network;
        var table = network.embedding();
        matrices.put(table.name(), new int[] {table.vocabSize(), table.hiddenSize()});
        network.linears().forEach(l -> matrices.put(l.weightName(), new int[] {l.outFeatures(), l.inFeatures()}));
        var head = network.head();
        matrices.put(head.weightName(), new int[] {head.outFeatures(), head.inFeatures()});
        network.norms().forEach(norm -> sizes.put(norm.name(), norm.size()));
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
        SyntheticModel model = new SyntheticModel(encoding.toLowerCase(Locale.ROOT), network);
        model.make(1, 256);
        return model;
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
        return make(size[0], size[1]);
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

    private PackedWeight make(int rows, int cols) {
        if (encoding.startsWith("gptq-")) {
            return grouped(rows, cols, number("gptq-", List.of(2, 3, 4, 8)));
        }
        if (encoding.startsWith("vptq-")) {
            return vectors(rows, cols);
        }
        return switch (encoding) {
            case "f32", "bf16", "f16" -> dense(rows, cols, DType.valueOf(encoding.toUpperCase(Locale.ROOT)));
            case "int8" ->
                new Int8Weight(
                        rows,
                        cols,
                        new Tensor(DType.I8, new Shape(rows, cols), MemorySegment.ofArray(bytes((long) rows * cols))),
                        Tensor.of(floats(rows, 0.01f), rows));
            default -> blocks(rows, cols);
        };
    }

    private int number(String prefix, List<Integer> known) {
        String text = encoding.substring(prefix.length());
        return known.stream()
                .filter(n -> n.toString().equals(text))
                .findFirst()
                .orElseThrow(() -> new UsageException("--dtype " + encoding + ": expected " + prefix + known));
    }

    private DenseWeight dense(int rows, int cols, DType dtype) {
        // one row of values, turned a little for each: what they are does not matter, how many there are does
        Tensor row = Tensor.of(dtype, floats(2 * cols, 0.05f), 2 * cols);
        byte[] data = new byte[Math.toIntExact((long) rows * cols * dtype.bytes())];
        for (int r = 0; r < rows; r++) {
            int at = Math.floorMod(r * 31, cols) * dtype.bytes();
            MemorySegment.copy(
                    row.data(),
                    at,
                    MemorySegment.ofArray(data),
                    (long) r * cols * dtype.bytes(),
                    (long) cols * dtype.bytes());
        }
        return new DenseWeight(new Tensor(dtype, new Shape(rows, cols), MemorySegment.ofArray(data)));
    }

    private BlockWeight blocks(int rows, int cols) {
        BlockType type = Arrays.stream(BlockType.values())
                .filter(t -> t.name().toLowerCase(Locale.ROOT).equals(encoding))
                .findFirst()
                .orElseThrow(() -> new UsageException("--dtype " + encoding
                        + ": expected f32, bf16, f16, int8, a GGUF type such as q4_0, gptq-4 or vptq-v8-k4096"));
        byte[] data = bytes(BlockWeight.rowBytes(type, cols) * rows);
        // without these bits no float16 anywhere is large, infinite or NaN
        for (int i = 0; i < data.length; i++) {
            data[i] &= (byte) ~0x50;
        }
        return new BlockWeight(type, rows, cols, MemorySegment.ofArray(data));
    }

    private GroupedWeight grouped(int rows, int cols, int bits) {
        int groups = Math.ceilDiv(cols, GROUP);
        byte[] codes = bytes((long) rows * cols * bits / 8);
        short[] zeros = new short[groups * rows];
        Arrays.fill(zeros, (short) (1 << (bits - 1)));
        Shape words = new Shape((long) cols * bits / 32, rows);
        Tensor scales = Tensor.of(DType.F16, floats(groups * rows, 0.1f / (1 << bits)), groups, rows);
        return new GroupedWeight(
                rows, cols, bits, GROUP, new Tensor(DType.I32, words, MemorySegment.ofArray(codes)), scales, zeros);
    }

    private VectorWeight vectors(int rows, int cols) {
        Matcher shape = VECTORS.matcher(encoding);
        if (!shape.matches()) {
            throw new UsageException("--dtype " + encoding + ": expected vptq-v8-k4096 or, with a residual book,"
                    + " vptq-v4-k64-64; books have 2 to 65536 centroids, a power of two");
        }
        int length = Integer.parseInt(shape.group(1));
        int size = centroids(shape.group(2));
        int second = shape.group(3) == null ? 1 : centroids(shape.group(3));
        int bits = Integer.numberOfTrailingZeros(size) + Integer.numberOfTrailingZeros(second);
        if (bits > 24) {
            throw new UsageException("--dtype " + encoding + ": two indices have 24 bits at most, not " + bits);
        }
        int n = Math.ceilDiv(rows, length);
        int[] codes = random.ints((long) n * cols, 0, 1 << bits).toArray();
        return new VectorWeight(
                rows,
                cols,
                Codebook.of(DType.F16, floats(length * size, 0.05f), length),
                second == 1 ? null : Codebook.of(DType.F16, floats(length * second, 0.01f), length),
                null,
                0,
                Tensor.of(PackedBits.pack(codes, n, cols, bits), 1, n, PackedBits.words(cols, bits)),
                null,
                null,
                null,
                null);
    }

    private int centroids(String text) {
        int size = Integer.parseInt(text);
        if (size < 2 || size > Codebook.MOST || Integer.bitCount(size) != 1) {
            throw new UsageException(
                    "--dtype " + encoding + ": a book has 2 to 65536 centroids, a power of two, not " + size);
        }
        return size;
    }

    private byte[] bytes(long count) {
        byte[] data = new byte[Math.toIntExact(count)];
        random.nextBytes(data);
        return data;
    }

    private float[] floats(int count, float most) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextDouble(-most, most);
        }
        return values;
    }
}
