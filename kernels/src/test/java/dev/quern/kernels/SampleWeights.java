package dev.quern.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.quern.core.BlockType;
import dev.quern.core.BlockWeight;
import dev.quern.core.DType;
import dev.quern.core.DenseWeight;
import dev.quern.core.GroupedWeight;
import dev.quern.core.Int8Weight;
import dev.quern.core.OutlierInt8Weight;
import dev.quern.core.PackedWeight;
import dev.quern.core.Shape;
import dev.quern.core.TableWeight;
import dev.quern.core.Tensor;
import dev.quern.core.VectorWeight;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/// Seeded weights of every encoding, with a row slice and the terms that a kernel adds.
final class SampleWeights {
    private SampleWeights() {}

    /// A weight and what it is called in a failing test.
    record Sample(String name, PackedWeight weight) {
        @Override
        public String toString() {
            return name;
        }
    }

    /// Every encoding at `rows` × about `cols` (rounded up to what the encoding needs).
    static List<Sample> all(int rows, int cols, long seed) {
        Random random = new Random(seed);
        List<Sample> samples = new ArrayList<>();
        for (DType dtype : List.of(DType.F32, DType.BF16, DType.F16)) {
            samples.add(sample(new DenseWeight(Tensor.of(dtype, floats(rows * cols, random), rows, cols))));
        }
        for (BlockType type : BlockType.values()) {
            int whole = roundUp(cols, type.weights());
            samples.add(sample(randomBlocks(type, rows, whole, random)));
            samples.add(named("all codes 0, ", constantBlocks(type, rows, whole, 0)));
            samples.add(named("all codes max, ", constantBlocks(type, rows, whole, 0xFF)));
        }
        Int8Weight rowsOf8 = int8(rows, cols, random);
        samples.add(sample(rowsOf8));
        for (int outliers : List.of(0, 1, 5)) {
            int[] columns = IntStream.range(0, outliers).map(i -> i * 3 + 1).toArray();
            Tensor dense = Tensor.of(DType.F16, floats(rows * outliers, random), rows, outliers);
            samples.add(sample(new OutlierInt8Weight(rowsOf8, columns, dense)));
        }
        int whole = roundUp(cols, 32);
        for (int bits : GroupedWeight.WIDTHS) {
            for (int groupSize : List.of(32, 128, whole, 20)) {
                for (DType scaleType : List.of(DType.F16, DType.F32)) {
                    for (boolean symmetric : List.of(true, false)) {
                        GroupedWeight grouped = grouped(rows, whole, bits, groupSize, scaleType, symmetric, -1, random);
                        samples.add(named(symmetric ? "symmetric " : "", grouped));
                        if (scaleType == DType.F16) {
                            int[] index = shuffledGroups(whole, groupSize, random);
                            samples.add(sample(grouped.withGroupIndex(index)));
                        }
                    }
                }
            }
            samples.add(named("all codes 0, ", grouped(rows, whole, bits, 32, DType.F16, false, 0, random)));
            int most = (1 << bits) - 1;
            samples.add(named("all codes max, ", grouped(rows, whole, bits, 32, DType.F16, false, most, random)));
        }
        for (int block : List.of(32, 64)) {
            samples.add(sample(table(rows, roundUp(cols, block), block, random)));
        }
        for (VectorWeight vectors : SampleVectors.all(rows, cols, random)) {
            samples.add(sample(vectors));
        }
        return samples;
    }

    static Int8Weight int8(int rows, int cols, Random random) {
        byte[] codes = new byte[rows * cols];
        random.nextBytes(codes);
        float[] scales = new float[rows];
        for (int r = 0; r < rows; r++) {
            scales[r] = 0.01f + random.nextFloat();
        }
        return new Int8Weight(rows, cols, Tensor.of(codes, rows, cols), Tensor.of(scales, rows));
    }

    private static Sample sample(PackedWeight weight) {
        return named("", weight);
    }

    private static Sample named(String prefix, PackedWeight weight) {
        return new Sample(prefix + weight.encoding() + " " + weight.rows() + " x " + weight.cols(), weight);
    }

    static float[] floats(int count, Random random) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
            // some so small that float16 holds them as subnormals
            if (i % 7 == 3) {
                values[i] *= 1e-6f;
            }
        }
        return values;
    }

    /// Random bytes; blocks that decode to something infinite are drawn again.
    static BlockWeight randomBlocks(BlockType type, int rows, int cols, Random random) {
        byte[] data = new byte[Math.toIntExact(BlockWeight.rowBytes(type, cols) * rows)];
        byte[] block = new byte[type.bytes()];
        float[] decoded = new float[type.weights()];
        for (int at = 0; at < data.length; at += type.bytes()) {
            do {
                random.nextBytes(block);
                type.decode(MemorySegment.ofArray(block), 0, decoded, 0);
            } while (!finite(decoded));
            System.arraycopy(block, 0, data, at, block.length);
        }
        return new BlockWeight(type, rows, cols, MemorySegment.ofArray(data));
    }

    /// All bytes `value`, except float16 scales where they would be infinite or NaN: those become 0x3BBB.
    private static BlockWeight constantBlocks(BlockType type, int rows, int cols, int value) {
        byte[] block = new byte[type.bytes()];
        Arrays.fill(block, (byte) value);
        int[] halves = switch (type) {
            case Q4_0, Q5_0, Q8_0, IQ4_NL, IQ4_XS, IQ1_S, IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S -> new int[] {0};
            case IQ1_M -> new int[0];
            case TQ1_0 -> new int[] {52};
            case TQ2_0 -> new int[] {64};
            case Q4_1, Q5_1, Q4_K, Q5_K -> new int[] {0, 2};
            case Q2_K -> new int[] {80, 82};
            case Q3_K -> new int[] {108};
            case Q6_K -> new int[] {208};
        };
        MemorySegment one = MemorySegment.ofArray(block);
        for (int half : halves) {
            one.set(Tensor.SHORT, half, (short) 0x3BBB);
        }
        if (type == BlockType.IQ1_M) {
            // its float16 is spread over the top nibbles of four shorts
            for (int i = 0; i < 4; i++) {
                block[49 + 2 * i] = (byte) (value & 15 | (i < 3 ? 0xB0 : 0x30));
            }
        }
        MemorySegment data = MemorySegment.ofArray(new byte[Math.toIntExact(BlockWeight.rowBytes(type, cols) * rows)]);
        for (long at = 0; at < data.byteSize(); at += block.length) {
            MemorySegment.copy(one, JAVA_BYTE, 0, data, JAVA_BYTE, at, block.length);
        }
        return new BlockWeight(type, rows, cols, data);
    }

    static GroupedWeight grouped(
            int rows,
            int cols,
            int bits,
            int groupSize,
            DType scaleType,
            boolean symmetric,
            int allCodes,
            Random random) {
        int groups = Math.ceilDiv(cols, groupSize);
        byte[] codes = new byte[rows * cols];
        for (int i = 0; i < codes.length; i++) {
            codes[i] = (byte) (allCodes < 0 ? random.nextInt(1 << bits) : allCodes);
        }
        float[] scales = new float[groups * rows];
        short[] zeros = new short[groups * rows];
        for (int i = 0; i < scales.length; i++) {
            scales[i] = 0.01f + random.nextFloat();
            zeros[i] = (short) (symmetric ? 1 << (bits - 1) : random.nextInt((1 << bits) + 1));
        }
        return GroupedWeight.pack(
                rows, cols, bits, groupSize, codes, Tensor.of(scaleType, scales, groups, rows), zeros);
    }

    private static int[] shuffledGroups(int cols, int groupSize, Random random) {
        int[] index = IntStream.range(0, cols).map(c -> c / groupSize).toArray();
        for (int i = cols - 1; i > 0; i--) {
            int j = random.nextInt(i + 1);
            int keep = index[i];
            index[i] = index[j];
            index[j] = keep;
        }
        return index;
    }

    /// The weight's rows `from … to − 1` as a weight of their own.
    static PackedWeight slice(PackedWeight weight, int from, int to) {
        int cols = weight.cols();
        return switch (weight) {
            case DenseWeight(Tensor t) -> {
                long rowBytes = (long) cols * t.dtype().bytes();
                yield new DenseWeight(new Tensor(
                        t.dtype(),
                        new Shape(to - from, cols),
                        t.data().asSlice(from * rowBytes, (to - from) * rowBytes)));
            }
            case BlockWeight b -> {
                long rowBytes = BlockWeight.rowBytes(b.type(), cols);
                yield new BlockWeight(
                        b.type(), to - from, cols, b.data().asSlice(from * rowBytes, (to - from) * rowBytes));
            }
            case GroupedWeight g -> {
                int groups = g.groups();
                byte[] codes = new byte[(to - from) * cols];
                float[] scales = new float[groups * (to - from)];
                short[] zeros = new short[groups * (to - from)];
                for (int r = from; r < to; r++) {
                    for (int c = 0; c < cols; c++) {
                        codes[(r - from) * cols + c] = (byte) g.code(r, c);
                    }
                    for (int group = 0; group < groups; group++) {
                        scales[group * (to - from) + r - from] = g.scale(group, r);
                        zeros[group * (to - from) + r - from] = g.zeroPoints()[group * g.rows() + r];
                    }
                }
                Tensor tensor = Tensor.of(g.scales().dtype(), scales, groups, to - from);
                GroupedWeight part = GroupedWeight.pack(to - from, cols, g.bits(), g.groupSize(), codes, tensor, zeros);
                int[] index = g.groupIndex();
                yield index == null ? part : part.withGroupIndex(index);
            }
            case Int8Weight w -> slice(w, from, to);
            case OutlierInt8Weight w -> {
                int n = w.outliers().length;
                yield new OutlierInt8Weight(slice(w.regular(), from, to), w.outliers(), rows(w.columns(), from, to, n));
            }
            case TableWeight w -> slice(w, from, to);
            case VectorWeight v -> SampleVectors.slice(v, from, to);
        };
    }

    /// One block size with plain scales, the other with nested ones.
    static TableWeight table(int rows, int cols, int blockSize, Random random) {
        byte[] codes = new byte[(rows * cols + 1) / 2];
        random.nextBytes(codes);
        float[] table = new float[16];
        for (int i = 0; i < table.length; i++) {
            table[i] = random.nextFloat() * 2 - 1;
        }
        int blocks = rows * cols / blockSize;
        return new TableWeight("nf4", rows, cols, bytes(codes), table, blockSize, scales(blocks, blockSize, random));
    }

    private static TableWeight.BlockScales scales(int blocks, int blockSize, Random random) {
        if (blockSize == 64) {
            return new TableWeight.PlainScales(Tensor.of(floats(blocks, random), blocks));
        }
        byte[] codes = new byte[blocks];
        random.nextBytes(codes);
        int outer = 256;
        return new TableWeight.NestedScales(
                bytes(codes), floats(256, random), floats(Math.ceilDiv(blocks, outer), random), outer, 0.25f);
    }

    private static Tensor bytes(byte[] values) {
        return new Tensor(DType.U8, new Shape(values.length), MemorySegment.ofArray(values));
    }

    private static TableWeight slice(TableWeight w, int from, int to) {
        long half = w.cols() / 2;
        Tensor codes = new Tensor(
                DType.U8, new Shape((to - from) * half), w.codes().data().asSlice(from * half, (to - from) * half));
        int blocks = w.cols() / w.blockSize();
        float[] scales = new float[(to - from) * blocks];
        for (int i = 0; i < scales.length; i++) {
            scales[i] = w.scales().scale(from * blocks + i);
        }
        TableWeight.BlockScales plain = new TableWeight.PlainScales(Tensor.of(scales, scales.length));
        return new TableWeight(w.kind(), to - from, w.cols(), codes, w.table(), w.blockSize(), plain);
    }

    private static Int8Weight slice(Int8Weight w, int from, int to) {
        Tensor scales = w.scales();
        long each = scales.dtype().bytes();
        return new Int8Weight(
                to - from,
                w.cols(),
                rows(w.codes(), from, to, w.cols()),
                new Tensor(
                        scales.dtype(), new Shape(to - from), scales.data().asSlice(from * each, (to - from) * each)),
                w.steps());
    }

    private static Tensor rows(Tensor t, int from, int to, int cols) {
        long rowBytes = (long) cols * t.dtype().bytes();
        return new Tensor(
                t.dtype(), new Shape(to - from, cols), t.data().asSlice(from * rowBytes, (to - from) * rowBytes));
    }

    /// For each weight the largest sum of magnitudes of the parts it may be summed in: `|w|` if in one, else `|w|` and
    /// twice the zero point's or minimum's share.
    static float[] termMagnitudes(PackedWeight weight) {
        float[] terms = weight.unpack();
        int cols = weight.cols();
        for (int i = 0; i < terms.length; i++) {
            terms[i] = Math.abs(terms[i]);
        }
        switch (weight) {
            case DenseWeight _, Int8Weight _, OutlierInt8Weight _, TableWeight _ -> {}
            case GroupedWeight g -> {
                int middle = 1 << (g.bits() - 1);
                for (int i = 0; i < terms.length; i++) {
                    int at = g.group(i % cols) * g.rows() + i / cols;
                    terms[i] += 2 * g.scale(g.group(i % cols), i / cols) * Math.abs(g.zeroPoints()[at] - middle);
                }
            }
            case VectorWeight v -> {
                for (int i = 0; i < terms.length; i++) {
                    Tensor shift = v.shift();
                    terms[i] += shift == null ? 0 : 2 * Math.abs(shift.floatAt(i % cols));
                }
            }
            case BlockWeight b -> {
                BlockCodes split = BlockCodes.of(b.type());
                int groups = b.type().weights() / split.group;
                byte[] codes = new byte[b.type().weights()];
                float[] scale = new float[groups];
                float[] minimum = new float[groups];
                for (int i = 0; i < terms.length; i += codes.length) {
                    long at = (long) i / codes.length * b.type().bytes();
                    split.split(b.data(), at, codes, 0, scale, minimum, 0);
                    for (int j = 0; j < codes.length; j++) {
                        int g = j / split.group;
                        terms[i + j] += 2 * (Math.abs(minimum[g]) + Math.abs(scale[g]) * split.bias);
                    }
                }
            }
        }
        return terms;
    }

    private static boolean finite(float[] values) {
        for (float value : values) {
            if (!Float.isFinite(value)) {
                return false;
            }
        }
        return true;
    }

    private static int roundUp(int value, int multiple) {
        return Math.ceilDiv(value, multiple) * multiple;
    }

    /// Seeded normally distributed numbers.
    static float[] normal(int n, long seed) {
        Random random = new Random(seed);
        float[] x = new float[n];
        for (int i = 0; i < n; i++) {
            x[i] = (float) random.nextGaussian();
        }
        return x;
    }
}
