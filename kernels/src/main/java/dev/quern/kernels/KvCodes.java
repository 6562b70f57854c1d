package dev.quern.kernels;

import dev.quern.core.KvScheme;
import java.util.Arrays;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/// Keys and values of one block of 64 positions as codes: `x ≈ minimum + scale · code`, both F16.
///
/// A run of values packs its codes into bytes by fields: with two codes in a byte the low halves are the run's first
/// half and the high halves its second, so that unpacking reads and writes consecutive places. A run of keys is the
/// 64 positions of one channel of a head, of values the features of one position of a head. Immutable.
final class KvCodes implements KvBlock {
    private static final int BLOCK = KvScheme.BLOCK;
    private static final int L = VectorWidth.LANES;

    /// As many bytes as a vector has floats; null at 128 bits, where no vector is so short.
    private static final @Nullable VectorSpecies<Byte> BYTES =
            L < 8 ? null : VectorSpecies.of(byte.class, VectorShape.forBitSize(L * Byte.SIZE));

    private final KvScheme scheme;
    private final int headDim;
    private final int valueStride;
    private final int valueRun;
    private final byte[] keys;
    private final short[] keyGrids;
    private final byte[] values;
    private final short[] valueGrids;
    private final float[] firstKeys;
    private final float[] firstValues;

    /// Takes a full block of floats; in the sequence's first block the scheme's first positions are
    /// kept as they are, and do not count for ranges.
    KvCodes(KvScheme scheme, KvFloats block, boolean begins) {
        KvShape shape = block.shape();
        this.scheme = scheme;
        this.headDim = shape.headDim();
        this.valueStride = shape.valueStride();
        int heads = shape.nKvHeads();
        int each = 8 / scheme.bits();
        this.valueRun = Math.ceilDiv(headDim, each) * each;
        int first = begins ? scheme.first() : 0;
        this.keys = new byte[heads * headDim * BLOCK / each];
        this.keyGrids = new short[2 * heads * headDim * groups(BLOCK)];
        this.values = new byte[heads * BLOCK * valueRun / each];
        this.valueGrids = new short[2 * heads * BLOCK * groups(headDim)];
        this.firstKeys = new float[heads * headDim * first];
        this.firstValues = new float[heads * headDim * first];
        float[] run = new float[Math.max(BLOCK, valueRun)];
        for (int h = 0; h < heads; h++) {
            for (int d = 0; d < headDim; d++) {
                System.arraycopy(block.keys(), shape.keyOffset(h) + d * BLOCK, run, 0, BLOCK);
                int channel = h * headDim + d;
                for (int p = 0; p < first; p++) {
                    firstKeys[channel * first + p] = run[p];
                    run[p] = run[first];
                }
                encode(run, BLOCK, BLOCK, keys, channel * BLOCK / each, keyGrids, 2 * channel * groups(BLOCK));
            }
            for (int p = 0; p < BLOCK; p++) {
                int from = shape.valueOffset(h) + p * valueStride;
                System.arraycopy(block.values(), from, run, 0, headDim);
                if (p < first) {
                    System.arraycopy(run, 0, firstValues, (h * first + p) * headDim, headDim);
                }
                int at = h * BLOCK + p;
                encode(run, headDim, valueRun, values, at * valueRun / each, valueGrids, 2 * at * groups(headDim));
            }
        }
    }

    @Override
    public long bytes() {
        return keys.length
                + values.length
                + 2L * (keyGrids.length + valueGrids.length)
                + 4L * (firstKeys.length + firstValues.length);
    }

    private int groups(int count) {
        return Math.ceilDiv(count, scheme.groupSize());
    }

    private void encode(float[] x, int count, int run, byte[] codes, int at, short[] grids, int gridsAt) {
        int bits = scheme.bits();
        int field = run * bits / 8;
        for (int from = 0, g = gridsAt; from < count; from += scheme.groupSize(), g += 2) {
            int to = Math.min(count, from + scheme.groupSize());
            float min = Float.POSITIVE_INFINITY;
            float max = Float.NEGATIVE_INFINITY;
            for (int i = from; i < to; i++) {
                min = Math.min(min, x[i]);
                max = Math.max(max, x[i]);
            }
            grids[g] = half((max - min) / scheme.qmax());
            grids[g + 1] = half(min);
            float scale = Float.float16ToFloat(grids[g]);
            float low = Float.float16ToFloat(grids[g + 1]);
            for (int i = from; i < to; i++) {
                float code = scale == 0 ? 0 : (float) Math.rint((x[i] - low) / scale);
                int place = at + i % field;
                codes[place] |= (byte) ((int) Math.clamp(code, 0, scheme.qmax()) << i / field * bits);
            }
        }
    }

    /// The nearest finite F16; a value that is no number stays so.
    private static short half(float value) {
        return Float.floatToFloat16(Math.clamp(value, -65504, 65504));
    }

    @Override
    public void unpackKeys(int head, float[] target, int targetAt) {
        int bytes = BLOCK * scheme.bits() / 8;
        int first = firstKeys.length == 0 ? 0 : scheme.first();
        for (int d = 0; d < headDim; d++) {
            int channel = head * headDim + d;
            int to = targetAt + d * BLOCK;
            decode(keys, channel * bytes, keyGrids, 2 * channel * groups(BLOCK), BLOCK, BLOCK, target, to);
            System.arraycopy(firstKeys, channel * first, target, to, first);
        }
    }

    @Override
    public void unpackValues(int head, float[] target, int targetAt) {
        if (valueStride > headDim) {
            Arrays.fill(target, targetAt, targetAt + BLOCK * valueStride, 0f);
        }
        int bytes = valueRun * scheme.bits() / 8;
        int first = firstKeys.length == 0 ? 0 : scheme.first();
        for (int p = 0; p < BLOCK; p++) {
            int at = head * BLOCK + p;
            int to = targetAt + p * valueStride;
            if (p < first) {
                System.arraycopy(firstValues, (head * first + p) * headDim, target, to, headDim);
            } else {
                decode(values, at * bytes, valueGrids, 2 * at * groups(headDim), headDim, valueRun, target, to);
            }
        }
    }

    private void decode(
            byte[] codes, int at, short[] grids, int gridsAt, int count, int run, float[] target, int targetAt) {
        int bits = scheme.bits();
        int field = run * bits / 8;
        for (int from = 0, g = gridsAt; from < count; from += scheme.groupSize(), g += 2) {
            int to = Math.min(count, from + scheme.groupSize());
            float scale = Float.float16ToFloat(grids[g]);
            float low = Float.float16ToFloat(grids[g + 1]);
            int shift = from / field * bits;
            int place = from % field;
            for (int i = from; i < to; shift += bits, place = 0) {
                int n = Math.min(to - i, field - place);
                decode(codes, at + place, shift, scheme.qmax(), scale, low, target, targetAt + i, n);
                i += n;
            }
        }
    }

    @Override
    public float key(int head, int p, int d) {
        int channel = head * headDim + d;
        int first = firstKeys.length == 0 ? 0 : scheme.first();
        return p < first
                ? firstKeys[channel * first + p]
                : decode(keys, channel * BLOCK * scheme.bits() / 8, keyGrids, 2 * channel * groups(BLOCK), BLOCK, p);
    }

    @Override
    public float value(int head, int p, int d) {
        int at = head * BLOCK + p;
        int first = firstKeys.length == 0 ? 0 : scheme.first();
        return p < first
                ? firstValues[(head * first + p) * headDim + d]
                : decode(values, at * valueRun * scheme.bits() / 8, valueGrids, 2 * at * groups(headDim), valueRun, d);
    }

    private float decode(byte[] codes, int at, short[] grids, int gridsAt, int run, int i) {
        int field = run * scheme.bits() / 8;
        int grid = gridsAt + i / scheme.groupSize() * 2;
        int code = codes[at + i % field] >> i / field * scheme.bits() & scheme.qmax();
        return Float.float16ToFloat(grids[grid + 1]) + Float.float16ToFloat(grids[grid]) * code;
    }

    /// Runs are as short as 16: the compiler's own vectors would leave most of one to the loop before and after them.
    private static void decode(
            byte[] codes, int at, int shift, int mask, float scale, float low, float[] target, int targetAt, int n) {
        int i = 0;
        if (BYTES != null) {
            for (; i <= n - L; i += L) {
                IntVector code = (IntVector) ByteVector.fromArray(BYTES, codes, at + i)
                        .convertShape(VectorOperators.ZERO_EXTEND_B2I, VectorWidth.INTS, 0);
                FloatVector number = (FloatVector)
                        code.lanewise(VectorOperators.LSHR, shift).and(mask).convert(VectorOperators.I2F, 0);
                number.mul(scale).add(low).intoArray(target, targetAt + i);
            }
        }
        for (; i < n; i++) {
            target[targetAt + i] = low + scale * (codes[at + i] >> shift & mask);
        }
    }
}
