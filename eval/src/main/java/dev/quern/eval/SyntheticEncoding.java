package dev.quern.eval;

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
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// How random weights are encoded: how many bytes a matrix takes, what may stand there, and the weight
/// over them.
sealed interface SyntheticEncoding {
    /// Bytes of a matrix's codes; what else it has is small and made for each.
    long bytes(int rows, int cols);

    /// Writes random codes that stand for finite weights wherever a matrix begins, at a multiple of 64
    /// bytes.
    default void fill(byte[] data, SplittableRandom random) {
        random.nextBytes(data);
    }

    /// The matrix whose codes are `data`, a view; the rest is drawn from `random`.
    PackedWeight weight(int rows, int cols, MemorySegment data, SplittableRandom random);

    /// The encoding of a name as `--dtype` takes it; unknown ones are refused.
    static SyntheticEncoding of(String name) {
        if (name.startsWith("gptq-")) {
            return new Grouped(number(name, "gptq-", GroupedWeight.WIDTHS));
        }
        if (name.startsWith("vptq-")) {
            return Vectors.of(name);
        }
        return switch (name) {
            case "f32" -> new Dense(DType.F32);
            case "bf16" -> new Dense(DType.BF16);
            case "f16" -> new Dense(DType.F16);
            case "int8" -> new Int8();
            default -> new Blocks(blockType(name));
        };
    }

    private static int number(String name, String prefix, List<Integer> known) {
        String text = name.substring(prefix.length());
        return known.stream()
                .filter(n -> n.toString().equals(text))
                .findFirst()
                .orElseThrow(() -> new UsageException("--dtype " + name + ": expected " + prefix + known));
    }

    private static BlockType blockType(String name) {
        return Arrays.stream(BlockType.values())
                .filter(type -> type.name().equalsIgnoreCase(name))
                .findFirst()
                .orElseThrow(() -> new UsageException("--dtype " + name
                        + ": expected f32, bf16, f16, int8, a GGUF type such as q4_0, gptq-4 or vptq-v8-k4096"));
    }

    private static float[] floats(int count, float most, SplittableRandom random) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextDouble(-most, most);
        }
        return values;
    }

    /// Floats.
    record Dense(DType dtype) implements SyntheticEncoding {
        /// What they are does not matter, how many there are does: so few are drawn and repeated. A prime, which no
        /// row's length divides.
        private static final int DRAWN = 65_537;

        @Override
        public long bytes(int rows, int cols) {
            return (long) rows * cols * dtype.bytes();
        }

        @Override
        public void fill(byte[] data, SplittableRandom random) {
            MemorySegment values =
                    Tensor.of(dtype, floats(DRAWN, 0.05f, random), DRAWN).data();
            MemorySegment target = MemorySegment.ofArray(data);
            for (long at = 0; at < data.length; at += values.byteSize()) {
                MemorySegment.copy(values, 0, target, at, Math.min(values.byteSize(), data.length - at));
            }
        }

        @Override
        public PackedWeight weight(int rows, int cols, MemorySegment data, SplittableRandom random) {
            return new DenseWeight(new Tensor(dtype, new Shape(rows, cols), data));
        }
    }

    /// Rows of signed bytes with a scale each.
    record Int8() implements SyntheticEncoding {
        @Override
        public long bytes(int rows, int cols) {
            return (long) rows * cols;
        }

        @Override
        public PackedWeight weight(int rows, int cols, MemorySegment data, SplittableRandom random) {
            Tensor codes = new Tensor(DType.I8, new Shape(rows, cols), data);
            return new Int8Weight(rows, cols, codes, Tensor.of(floats(rows, 0.01f, random), rows));
        }
    }

    /// GGUF blocks.
    record Blocks(BlockType type) implements SyntheticEncoding {
        @Override
        public long bytes(int rows, int cols) {
            return BlockWeight.rowBytes(type, cols) * rows;
        }

        @Override
        public void fill(byte[] data, SplittableRandom random) {
            random.nextBytes(data);
            // without these bits no float16 anywhere is large, infinite or NaN
            for (int i = 0; i < data.length; i++) {
                data[i] &= (byte) ~0x50;
            }
        }

        @Override
        public PackedWeight weight(int rows, int cols, MemorySegment data, SplittableRandom random) {
            return new BlockWeight(type, rows, cols, data);
        }
    }

    /// GPTQ's packing in groups of 128.
    record Grouped(int bits) implements SyntheticEncoding {
        private static final int GROUP = 128;

        @Override
        public long bytes(int rows, int cols) {
            return (long) cols * bits / 32 * rows * Integer.BYTES;
        }

        @Override
        public PackedWeight weight(int rows, int cols, MemorySegment data, SplittableRandom random) {
            int groups = Math.ceilDiv(cols, GROUP);
            short[] zeros = new short[groups * rows];
            Arrays.fill(zeros, (short) (1 << (bits - 1)));
            Tensor codes = new Tensor(DType.I32, new Shape((long) cols * bits / 32, rows), data);
            float[] scales = floats(groups * rows, 0.1f / (1 << bits), random);
            return new GroupedWeight(rows, cols, bits, GROUP, codes, Tensor.of(DType.F16, scales, groups, rows), zeros);
        }
    }

    /// Vectors of one codebook for each matrix, or of sums of two (`second` > 1).
    record Vectors(int length, int size, int second) implements SyntheticEncoding {
        private static final Pattern NAME = Pattern.compile("vptq-v([1-9]\\d?)-k(\\d{1,5})(?:-(\\d{1,5}))?");
        private static final int MOST_BITS = 24;

        static Vectors of(String name) {
            Matcher shape = NAME.matcher(name);
            if (!shape.matches()) {
                throw new UsageException("--dtype " + name + ": expected vptq-v8-k4096 or, with a residual book,"
                        + " vptq-v4-k64-64; books have 2 to 65536 centroids, a power of two");
            }
            int second = shape.group(3) == null ? 1 : centroids(name, shape.group(3));
            Vectors vectors = new Vectors(Integer.parseInt(shape.group(1)), centroids(name, shape.group(2)), second);
            if (vectors.bits() > MOST_BITS) {
                throw new UsageException(
                        "--dtype " + name + ": two indices have " + MOST_BITS + " bits at most, not " + vectors.bits());
            }
            return vectors;
        }

        private static int centroids(String name, String text) {
            int size = Integer.parseInt(text);
            if (size < 2 || size > Codebook.MOST || Integer.bitCount(size) != 1) {
                throw new UsageException(
                        "--dtype " + name + ": a book has 2 to 65536 centroids, a power of two, not " + size);
            }
            return size;
        }

        private int bits() {
            return Integer.numberOfTrailingZeros(size) + Integer.numberOfTrailingZeros(second);
        }

        @Override
        public long bytes(int rows, int cols) {
            return (long) Math.ceilDiv(rows, length) * PackedBits.words(cols, bits()) * Integer.BYTES;
        }

        @Override
        public PackedWeight weight(int rows, int cols, MemorySegment data, SplittableRandom random) {
            Shape words = new Shape(1, Math.ceilDiv(rows, length), PackedBits.words(cols, bits()));
            return new VectorWeight(
                    rows,
                    cols,
                    Codebook.of(DType.F16, floats(length * size, 0.05f, random), length),
                    second == 1 ? null : Codebook.of(DType.F16, floats(length * second, 0.01f, random), length),
                    null,
                    0,
                    new Tensor(DType.I32, words, data),
                    null,
                    null,
                    null,
                    null);
        }
    }
}
