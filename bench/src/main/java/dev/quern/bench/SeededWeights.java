package dev.quern.bench;

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
import dev.quern.core.TableWeight;
import dev.quern.core.Tensor;
import dev.quern.core.VectorWeight;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;

/// Random weights of every encoding by name: what the benchmarks multiply by.
final class SeededWeights {
    /// Inputs of a group of a GPTQ weight.
    private static final int GROUP = 128;

    private static final Map<String, Maker> MAKERS = makers();

    private SeededWeights() {}

    /// Makes a weight of `rows` × `cols` from a seed.
    @FunctionalInterface
    private interface Maker {
        PackedWeight make(int rows, int cols, Random random);
    }

    /// Names of all encodings: `f32`, `gptq-4`, `gptq-4-zeros`, `Q4_K` …
    static List<String> names() {
        return List.copyOf(MAKERS.keySet());
    }

    /// The weight called `name`; `cols` is rounded down to what the encoding's blocks need.
    static PackedWeight of(String name, int rows, int cols, long seed) {
        Maker maker = MAKERS.get(name);
        if (maker == null) {
            throw new IllegalArgumentException("no encoding " + name + ", there are " + MAKERS.keySet());
        }
        return maker.make(rows, cols, new Random(seed));
    }

    private static Map<String, Maker> makers() {
        Map<String, Maker> makers = new LinkedHashMap<>();
        for (DType dtype : List.of(DType.F32, DType.BF16, DType.F16)) {
            makers.put(
                    dtype.name().toLowerCase(Locale.ROOT),
                    (rows, cols, random) -> new DenseWeight(Tensor.of(dtype, floats(rows * cols, random), rows, cols)));
        }
        for (int bits : GroupedWeight.WIDTHS) {
            makers.put("gptq-" + bits, (rows, cols, random) -> grouped(rows, cols, bits, true, random));
            makers.put("gptq-" + bits + "-zeros", (rows, cols, random) -> grouped(rows, cols, bits, false, random));
        }
        makers.put("vptq-v4-k256", (rows, cols, random) -> vectors(4, 256, 0, rows, cols, random));
        makers.put("vptq-v4-k512", (rows, cols, random) -> vectors(4, 512, 0, rows, cols, random));
        makers.put("vptq-v3-k512", (rows, cols, random) -> vectors(3, 512, 0, rows, cols, random));
        makers.put("vptq-v4-k64-64", (rows, cols, random) -> vectors(4, 64, 64, rows, cols, random));
        makers.put("vptq-v8-k4096", (rows, cols, random) -> vectors(8, 4096, 0, rows, cols, random));
        makers.put("int8", SeededWeights::int8);
        makers.put("nf4", SeededWeights::normalFloats);
        for (BlockType type : BlockType.values()) {
            makers.put(type.name(), (rows, cols, random) -> blocks(type, rows, cols, random));
        }
        return makers;
    }

    static float[] floats(int count, Random random) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = random.nextFloat() - 0.5f;
        }
        return values;
    }

    private static VectorWeight vectors(int length, int size, int residual, int rows, int cols, Random random) {
        int bits = Integer.numberOfTrailingZeros(Math.max(1, residual) * size);
        int n = Math.ceilDiv(rows, length);
        int[] codes = random.ints((long) n * cols, 0, 1 << bits).toArray();
        return new VectorWeight(
                rows,
                cols,
                Codebook.of(DType.F16, floats(size * length, random), length),
                residual == 0 ? null : Codebook.of(DType.F16, floats(residual * length, random), length),
                null,
                0,
                Tensor.of(PackedBits.pack(codes, n, cols, bits), 1, n, PackedBits.words(cols, bits)),
                null,
                null,
                Tensor.of(DType.F16, floats(cols, random), cols),
                Tensor.of(DType.F16, floats(cols, random), cols));
    }

    private static Int8Weight int8(int rows, int cols, Random random) {
        byte[] codes = new byte[rows * cols];
        random.nextBytes(codes);
        return new Int8Weight(rows, cols, Tensor.of(codes, rows, cols), Tensor.of(floats(rows, random), rows));
    }

    private static TableWeight normalFloats(int rows, int cols, Random random) {
        byte[] codes = new byte[rows * cols / 2];
        random.nextBytes(codes);
        int blocks = rows * cols / 64;
        return new TableWeight(
                "nf4",
                rows,
                cols,
                new Tensor(DType.U8, new Shape(codes.length), MemorySegment.ofArray(codes)),
                floats(16, random),
                64,
                new TableWeight.PlainScales(Tensor.of(floats(blocks, random), blocks)));
    }

    private static GroupedWeight grouped(int rows, int cols, int bits, boolean symmetric, Random random) {
        byte[] codes = new byte[rows * cols];
        random.nextBytes(codes);
        for (int i = 0; i < codes.length; i++) {
            codes[i] &= (byte) ((1 << bits) - 1);
        }
        int groups = Math.ceilDiv(cols, GROUP);
        float[] scales = floats(groups * rows, random);
        short[] zeros = new short[groups * rows];
        Arrays.fill(zeros, (short) ((1 << (bits - 1)) - (symmetric ? 0 : 1)));
        return GroupedWeight.pack(rows, cols, bits, GROUP, codes, Tensor.of(DType.F16, scales, groups, rows), zeros);
    }

    private static BlockWeight blocks(BlockType type, int rows, int cols, Random random) {
        int whole = cols / type.weights() * type.weights();
        byte[] data = new byte[Math.toIntExact(BlockWeight.rowBytes(type, whole) * rows)];
        random.nextBytes(data);
        // without this bit no float16 anywhere is infinite or NaN
        for (int i = 0; i < data.length; i++) {
            data[i] &= (byte) ~0x40;
        }
        return new BlockWeight(type, rows, whole, MemorySegment.ofArray(data));
    }
}
