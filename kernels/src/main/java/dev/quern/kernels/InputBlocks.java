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

/// Activations as signed bytes with a scale for each 32: `x ≈ scale · code`, `scale = max |x| / 127`, halves to even.
///
/// Outside the heap, a record of 64 bytes for each 32 inputs of a token: 32 codes; the float scale; as ints the sum of
/// the first 16 codes, of the last 16 and of all, each negated; as floats `scale ·` those sums, not negated. The
/// records of one token follow each other; of several, eight tokens' records of the same inputs do. A value that is
/// not finite makes its record's scale NaN. Rows are padded with zeros to whole blocks and tokens to whole eights.
///
/// The memory is used again by the next `encode`. For one thread; `encode` splits its work over the workers.
final class InputBlocks {
    /// Bytes of a record.
    static final int RECORD = 64;

    /// Tokens whose records are neighbours.
    static final int TOKENS = 8;

    static final int SCALE = 32;

    private static final int BLOCK = PanelFormat.BLOCK;
    private static final VectorSpecies<Float> F = VectorWidth.FLOATS;
    private static final int L = VectorWidth.LANES;

    /// As many bytes as `F` has floats; 64 bits is the least there is.
    private static final VectorSpecies<Byte> B =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, L * 8)));

    /// Adding and subtracting it rounds a small float to the nearest integer, halves to even.
    private static final float ROUND = 0x1.8p23f;

    private MemorySegment memory = MemorySegment.NULL;
    private int blocks;
    private int together;

    /// Where a record holds the negated sum of the codes of half `sub`, or of all if `subs` is 1.
    static int sumAt(int subs, int sub) {
        return subs == 1 ? 44 : 36 + 4 * sub;
    }

    /// Where it holds the sum of the inputs.
    static int inputSumAt(int subs, int sub) {
        return sumAt(subs, sub) + 12;
    }

    /// Takes `tokens` rows of `length` inputs, padded to `blocks` blocks.
    void encode(float[] x, int xAt, int length, int tokens, int blocks, Workers workers) {
        this.blocks = blocks;
        together = tokens == 1 ? 1 : TOKENS;
        int eights = Math.ceilDiv(tokens, together);
        long size = (long) eights * together * blocks * RECORD;
        if (memory.byteSize() < size) {
            memory = MachineCode.allocate(size);
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
                    memory.asSlice(at(t, b), RECORD).fill((byte) 0);
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
        return (eight * together + token % together) * RECORD;
    }

    private void token(float[] x, int xAt, int length, int token) {
        for (int b = 0; b < blocks; b++) {
            int from = b * BLOCK;
            if (from + BLOCK <= length) {
                record(x, xAt + from, memory, at(token, b));
            } else {
                float[] rest = new float[BLOCK];
                if (from < length) {
                    System.arraycopy(x, xAt + from, rest, 0, length - from);
                }
                record(rest, 0, memory, at(token, b));
            }
        }
    }

    private static void record(float[] x, int from, MemorySegment memory, long at) {
        FloatVector most = FloatVector.zero(F);
        for (int i = 0; i < BLOCK; i += L) {
            most = most.max(FloatVector.fromArray(F, x, from + i).abs());
        }
        float max = most.reduceLanes(VectorOperators.MAX);
        // the inverse of a subnormal scale is infinite: such inputs are zeros
        float scale = max < 0x1p-110f ? 0 : max / 127;
        float inverse = scale == 0 ? 0 : 127 / max;
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
            if (i == BLOCK / 2) {
                half = sum;
            }
            sum += (int) code.reduceLanes(VectorOperators.ADD);
            if (L >= 8) {
                ((ByteVector) code.convertShape(VectorOperators.F2B, B, 0))
                        .intoMemorySegment(memory, at + i, ByteOrder.nativeOrder());
            } else {
                for (int lane = 0; lane < L; lane++) {
                    memory.set(java.lang.foreign.ValueLayout.JAVA_BYTE, at + i + lane, (byte) code.lane(lane));
                }
            }
        }
        memory.set(JAVA_FLOAT, at + SCALE, scale);
        sums(memory, at, 36, scale, half);
        sums(memory, at, 40, scale, sum - half);
        sums(memory, at, 44, scale, sum);
    }

    private static void sums(MemorySegment memory, long at, int place, float scale, int sum) {
        memory.set(JAVA_INT, at + place, -sum);
        memory.set(JAVA_FLOAT, at + place + 12, scale * sum);
    }
}
