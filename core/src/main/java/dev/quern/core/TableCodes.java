package dev.quern.core;

import dev.quern.core.TableWeight.BlockScales;
import dev.quern.core.TableWeight.NestedScales;
import dev.quern.core.TableWeight.PlainScales;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Locale;

/// Finds the codes of `TableWeight`s: each block is divided by its largest magnitude, each weight takes the nearest
/// value of the table.
///
/// NF4's values are quantiles of the normal distribution, so that normal weights use all codes alike (arXiv:2305.14314,
/// appendix E). FP4's are a sign, two bits of exponent and one of mantissa, over 12.
public final class TableCodes {
    /// The kinds of table.
    public enum Kind {
        NF4(new float[] {
            -1f,
            -0.6961928009986877f,
            -0.5250730514526367f,
            -0.39491748809814453f,
            -0.28444138169288635f,
            -0.18477343022823334f,
            -0.09105003625154495f,
            0f,
            0.07958029955625534f,
            0.16093020141124725f,
            0.24611230194568634f,
            0.33791524171829224f,
            0.44070982933044434f,
            0.5626170039176941f,
            0.7229568362236023f,
            1f
        }),
        FP4(new float[] {
            0f,
            0.0625f / 12,
            8f / 12,
            1f,
            4f / 12,
            6f / 12,
            2f / 12,
            3f / 12,
            -0f,
            -0.0625f / 12,
            -8f / 12,
            -1f,
            -4f / 12,
            -6f / 12,
            -2f / 12,
            -3f / 12
        });

        private final float[] table;

        Kind(float[] table) {
            this.table = table;
        }

        /// The value of each code.
        public float[] table() {
            return table.clone();
        }

        /// As files spell it.
        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /// Blocks that share a scale of scales.
    public static final int OUTER = 256;

    private final Kind kind;
    private final int blockSize;
    private final float[] bounds = new float[15];
    private final byte[] order = new byte[16];

    /// `blockSize` is even, so that blocks share no byte.
    public TableCodes(Kind kind, int blockSize) {
        if (blockSize < 2 || blockSize % 2 != 0) {
            throw new IllegalArgumentException("a block has an even number of weights, not " + blockSize);
        }
        this.kind = kind;
        this.blockSize = blockSize;
        // −0 and 0 are equal here and keep their order, as in bitsandbytes
        Integer[] codes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
        Arrays.sort(codes, Comparator.comparingDouble(code -> kind.table[code] + 0.0));
        for (int i = 0; i < 16; i++) {
            order[i] = codes[i].byteValue();
        }
        for (int i = 0; i < 15; i++) {
            bounds[i] = (kind.table[order[i]] + kind.table[order[i + 1]]) / 2;
        }
    }

    /// Codes and largest magnitudes of block `block` of `values`, two codes a byte into `codes`.
    public void encode(float[] values, int block, byte[] codes, float[] largest) {
        int from = block * blockSize;
        int to = Math.min(values.length, from + blockSize);
        float most = 0;
        for (int i = from; i < to; i++) {
            most = Math.max(most, Math.abs(values[i]));
        }
        largest[block] = most;
        float inverse = 1 / Math.max(most, 1e-38f);
        for (int i = from; i < to; i += 2) {
            int high = code(values[i] * inverse);
            int low = i + 1 < to ? code(values[i + 1] * inverse) : 0;
            codes[i / 2] = (byte) (high << 4 | low);
        }
    }

    private int code(float x) {
        int at = 0;
        for (int step = 8; step > 0; step /= 2) {
            at += x > bounds[at + step - 1] ? step : 0;
        }
        return order[at];
    }

    /// The weight of these codes and magnitudes, whose scales are quantized too where `nested`.
    public TableWeight weight(int rows, int cols, byte[] codes, float[] largest, boolean nested) {
        return new TableWeight(
                kind.toString(),
                rows,
                cols,
                unsigned(codes),
                kind.table(),
                blockSize,
                nested ? nested(largest) : new PlainScales(Tensor.of(largest, largest.length)));
    }

    /// Scales as 8-bit codes around their mean: double quantization (arXiv:2305.14314, section 3).
    static BlockScales nested(float[] scales) {
        double sum = 0;
        for (float scale : scales) {
            sum += scale;
        }
        float offset = (float) (sum / scales.length);
        float[] map = dynamicMap();
        float[] outer = new float[Math.ceilDiv(scales.length, OUTER)];
        byte[] codes = new byte[scales.length];
        for (int o = 0; o < outer.length; o++) {
            int to = Math.min(scales.length, (o + 1) * OUTER);
            for (int i = o * OUTER; i < to; i++) {
                outer[o] = Math.max(outer[o], Math.abs(scales[i] - offset));
            }
            float inverse = 1 / Math.max(outer[o], 1e-38f);
            for (int i = o * OUTER; i < to; i++) {
                codes[i] = (byte) nearest(map, (scales[i] - offset) * inverse);
            }
        }
        return new NestedScales(unsigned(codes), map, outer, OUTER, offset);
    }

    private static int nearest(float[] sorted, float x) {
        int at = Arrays.binarySearch(sorted, x);
        if (at >= 0) {
            return at;
        }
        int above = -at - 1;
        if (above == 0 || above == sorted.length) {
            return Math.min(above, sorted.length - 1);
        }
        return x - sorted[above - 1] <= sorted[above] - x ? above - 1 : above;
    }

    /// The 256 values of the 8-bit dynamic type: 7 decades on either side of 0, the one at 10^(e−6) cut into 2^e parts
    /// of
    /// which the middles count; then 0 and 1 (arXiv:1511.04561).
    static float[] dynamicMap() {
        float[] map = new float[256];
        int n = 0;
        for (int e = 0; e < 7; e++) {
            int parts = 1 << e;
            for (int i = 0; i < parts; i++) {
                float middle = (bound(i, parts) + bound(i + 1, parts)) / 2;
                float value = (float) Math.pow(10, e - 6) * middle;
                map[n++] = value;
                map[n++] = -value;
            }
        }
        map[n++] = 0;
        map[n] = 1;
        Arrays.sort(map);
        return map;
    }

    /// Bound `i` of `parts` equal parts of 0.1 … 1, counted from the nearer end: bitsandbytes' own last bits.
    private static float bound(int i, int parts) {
        float step = (1 - 0.1f) / parts;
        return i < (parts + 1) / 2 ? Math.fma(step, i, 0.1f) : Math.fma(-step, parts - i, 1f);
    }

    private static Tensor unsigned(byte[] bytes) {
        return new Tensor(DType.U8, new Shape(bytes.length), MemorySegment.ofArray(bytes));
    }
}
