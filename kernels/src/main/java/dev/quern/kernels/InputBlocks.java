package dev.quern.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// Activations as integer codes with a scale for each 32, halves to even: `x ≈ scale · code`.
///
/// With one level, codes are signed bytes and `scale = max |x| / 127`. With two, they are 16 bits wide,
/// `scale = max |x| / 32512`, and lie as two bytes, `code = 256 · high + low`, both within ±127 (a low byte of ±128
/// moves
/// the code by one): machine code multiplies bytes.
///
/// Outside the heap, a record for each 32 inputs of a token: 32 high bytes; 32 low ones if there are two levels; the
/// float scale; as ints the sum of the first 16 codes, of the last 16 and of all, each negated; as floats `scale ·`
/// those sums, not negated. The records of one token follow each other; of several, eight tokens' records of the same
/// inputs do. A value that is not finite makes its record's scale NaN. Rows are padded with zeros to whole blocks and
/// tokens to whole eights.
///
/// The memory is used again by the next `encode`. For one thread; `encode` splits its work over the workers.
final class InputBlocks {
    /// Tokens whose records are neighbours.
    static final int TOKENS = 8;

    private static final int BLOCK = PanelFormat.BLOCK;
    private static final VectorSpecies<Float> F = VectorWidth.FLOATS;
    private static final int L = VectorWidth.LANES;

    /// As many bytes as `F` has floats. Machine code runs at 256 bits and more: 64 bits is the least there is.
    private static final VectorSpecies<Byte> B =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, L * 8)));

    /// Adding and subtracting it rounds a small float to the nearest integer, halves to even.
    private static final float ROUND = 0x1.8p23f;

    private MemorySegment memory = MemorySegment.NULL;
    private int levels;
    private int blocks;
    private int together;

    /// Bytes of a record.
    static int record(int levels) {
        return levels == 1 ? 64 : 96;
    }

    /// Where a record holds the scale.
    static int scaleAt(int levels) {
        return BLOCK * levels;
    }

    /// Where it holds the negated sum of the codes of half `sub`, or of all if `subs` is 1.
    static int sumAt(int levels, int subs, int sub) {
        return scaleAt(levels) + 4 + (subs == 1 ? 8 : 4 * sub);
    }

    /// Where it holds the sum of the inputs.
    static int inputSumAt(int levels, int subs, int sub) {
        return sumAt(levels, subs, sub) + 12;
    }

    /// Takes `tokens` rows of `length` inputs, padded to `blocks` blocks, as codes of one level or two.
    void encode(float[] x, int xAt, int length, int tokens, int blocks, int levels, Workers workers) {
        this.levels = levels;
        this.blocks = blocks;
        together = tokens == 1 ? 1 : TOKENS;
        int eights = Math.ceilDiv(tokens, together);
        long size = (long) eights * together * blocks * record(levels);
        if (memory.byteSize() < size) {
            memory = SystemMemory.allocate(size);
        }
        if (tokens == 1) {
            token(x, xAt, length, 0);
            return;
        }
        workers.run(eights, eight -> {
            int first = eight * TOKENS;
            for (int t = first; t < Math.min(first + TOKENS, tokens); t++) {
                token(x, xAt + t * length, length, t);
            }
            for (int t = tokens; t < first + TOKENS; t++) {
                for (int b = 0; b < blocks; b++) {
                    memory.asSlice(at(t, b), record(levels)).fill((byte) 0);
                }
            }
        });
    }

    /// Address of the records of the tokens from `first` on, a multiple of 8.
    long address(int first) {
        return memory.address() + at(first, 0);
    }

    private long at(int token, int block) {
        long eight = (long) (token / together) * blocks + block;
        return (eight * together + token % together) * record(levels);
    }

    private void token(float[] x, int xAt, int length, int token) {
        for (int b = 0; b < blocks; b++) {
            int from = b * BLOCK;
            if (from + BLOCK <= length) {
                record(x, xAt + from, levels, memory, at(token, b));
            } else {
                float[] rest = new float[BLOCK];
                if (from < length) {
                    System.arraycopy(x, xAt + from, rest, 0, length - from);
                }
                record(rest, 0, levels, memory, at(token, b));
            }
        }
    }

    private static void record(float[] x, int from, int levels, MemorySegment memory, long at) {
        FloatVector most = FloatVector.zero(F);
        for (int i = 0; i < BLOCK; i += L) {
            most = most.max(FloatVector.fromArray(F, x, from + i).abs());
        }
        float max = most.reduceLanes(VectorOperators.MAX);
        float range = levels == 1 ? 127 : 127 * 256;
        // the inverse of a subnormal scale is infinite: such inputs are zeros
        float scale = max < 0x1p-110f ? 0 : max / range;
        float inverse = scale == 0 ? 0 : range / max;
        if (!(max < Float.POSITIVE_INFINITY)) {
            scale = Float.NaN;
            inverse = 0;
        }
        int half = 0;
        int sum = 0;
        for (int i = 0; i < BLOCK; i += L) {
            FloatVector code = FloatVector.fromArray(F, x, from + i)
                    .mul(inverse)
                    .add(ROUND)
                    .sub(ROUND);
            FloatVector high = code;
            if (levels == 2) {
                high = code.mul(1 / 256f).add(ROUND).sub(ROUND);
                FloatVector low = code.sub(high.mul(256)).max(-127).min(127);
                code = high.mul(256).add(low);
                ((ByteVector) low.convertShape(VectorOperators.F2B, B, 0))
                        .intoMemorySegment(memory, at + BLOCK + i, ByteOrder.nativeOrder());
            }
            ((ByteVector) high.convertShape(VectorOperators.F2B, B, 0))
                    .intoMemorySegment(memory, at + i, ByteOrder.nativeOrder());
            if (i == BLOCK / 2) {
                half = sum;
            }
            sum += (int) code.reduceLanes(VectorOperators.ADD);
        }
        memory.set(JAVA_FLOAT, at + scaleAt(levels), scale);
        sums(memory, at + sumAt(levels, 2, 0), scale, half);
        sums(memory, at + sumAt(levels, 2, 1), scale, sum - half);
        sums(memory, at + sumAt(levels, 1, 0), scale, sum);
    }

    private static void sums(MemorySegment memory, long at, float scale, int sum) {
        memory.set(JAVA_INT, at, -sum);
        memory.set(JAVA_FLOAT, at + 12, scale * sum);
    }
}
