package dev.quern.core;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A uniformly quantized matrix in the GPTQ packing: integer codes with a scale and a zero point for each group of
/// inputs of each output, `w = scale · (code − zeroPoint)`.
///
/// - `qweight` I32 `[cols · bits / 32, rows]`: codes packed along the input dimension, lowest bits first,
///   without gaps: 32 codes of 3 bits lie in three words (arXiv:2210.17323's code, AutoGPTQ).
/// - `scales` F16, BF16 or F32 `[groups, rows]`; `groups = ceil(cols / groupSize)`.
/// - `zeroPoints` `[groups · rows]`, unsigned `0 … 2^bits` (the upper end comes from checkpoints that stored z − 1).
/// - `groupIndex` `[cols]`: the group of each input; null when it is simply `column / groupSize`.
///
/// `groupSize` is the whole row's length when there is one group. Arrays belong to the record.
public record GroupedWeight(
        int rows,
        int cols,
        int bits,
        int groupSize,
        Tensor qweight,
        Tensor scales,
        short[] zeroPoints,
        int @Nullable [] groupIndex)
        implements PackedWeight {
    /// Bits of a code. The GPTQ layout itself has none of 5 or 6.
    public static final List<Integer> WIDTHS = List.of(2, 3, 4, 5, 6, 8);

    public GroupedWeight {
        if (!WIDTHS.contains(bits)) {
            throw new IllegalArgumentException("bits is one of " + WIDTHS + ", not " + bits);
        }
        if ((long) cols * bits % 32 != 0) {
            throw new IllegalArgumentException(cols + " inputs of " + bits + " bits do not fill 32-bit words");
        }
        if (groupSize < 1) {
            throw new IllegalArgumentException("a group has at least one input, not " + groupSize);
        }
        int groups = Math.ceilDiv(cols, groupSize);
        Shape words = new Shape((long) cols * bits / 32, rows);
        if (!qweight.shape().equals(words) || qweight.dtype() != DType.I32) {
            throw new IllegalArgumentException(
                    "qweight is " + qweight.dtype() + " " + qweight.shape() + ", expected I32 " + words);
        }
        if (!scales.shape().equals(new Shape(groups, rows)) || !scales.dtype().isFloat()) {
            throw new IllegalArgumentException(
                    "scales are " + scales.dtype() + " " + scales.shape() + ", expected " + new Shape(groups, rows));
        }
        if (zeroPoints.length != Math.multiplyExact(groups, rows)) {
            throw new IllegalArgumentException(zeroPoints.length + " zero points, expected " + groups * rows);
        }
        if (groupIndex != null && groupIndex.length != cols) {
            throw new IllegalArgumentException(groupIndex.length + " group indices, expected " + cols);
        }
    }

    /// Groups in the order of the inputs.
    public GroupedWeight(
            int rows, int cols, int bits, int groupSize, Tensor qweight, Tensor scales, short[] zeroPoints) {
        this(rows, cols, bits, groupSize, qweight, scales, zeroPoints, null);
    }

    /// The same with the group of each input (activation order).
    public GroupedWeight withGroupIndex(int[] index) {
        return new GroupedWeight(rows, cols, bits, groupSize, qweight, scales, zeroPoints, index);
    }

    /// The same codes with other scales `[groups, rows]`.
    public GroupedWeight withScales(Tensor others) {
        return new GroupedWeight(rows, cols, bits, groupSize, qweight, others, zeroPoints, groupIndex);
    }

    /// Packs `codes [rows, cols]` (unsigned, one byte each). `scales` is `[groups, rows]`, already at its storage
    /// type.
    public static GroupedWeight pack(
            int rows, int cols, int bits, int groupSize, byte[] codes, Tensor scales, short[] zeroPoints) {
        int words = Math.toIntExact((long) cols * bits / 32);
        int[] packed = new int[Math.multiplyExact(words, rows)];
        for (int row = 0; row < rows; row++) {
            for (int col = 0; col < cols; col++) {
                int code = Byte.toUnsignedInt(codes[row * cols + col]);
                long bit = (long) col * bits;
                int word = (int) (bit >>> 5);
                int shift = (int) (bit & 31);
                packed[word * rows + row] |= code << shift;
                if (shift + bits > 32) {
                    packed[(word + 1) * rows + row] |= code >>> (32 - shift);
                }
            }
        }
        return new GroupedWeight(rows, cols, bits, groupSize, Tensor.of(packed, words, rows), scales, zeroPoints);
    }

    /// Number of groups along the inputs.
    public int groups() {
        return Math.ceilDiv(cols, groupSize);
    }

    /// The group that input `col` belongs to.
    public int group(int col) {
        return groupIndex == null ? col / groupSize : groupIndex[col];
    }

    /// The stored code of one weight, `0 … 2^bits − 1`; for many use `unpackCodes`.
    public int code(int row, int col) {
        long bit = (long) col * bits;
        int word = (int) (bit >>> 5);
        int shift = (int) (bit & 31);
        int value = word(word, row) >>> shift;
        if (shift + bits > 32) {
            value |= word(word + 1, row) << (32 - shift);
        }
        return value & ((1 << bits) - 1);
    }

    /// The scale of one group of one output.
    public float scale(int group, int row) {
        return scales.floatAt((long) group * rows + row);
    }

    /// The zero point of one group of one output.
    public int zeroPoint(int group, int row) {
        return zeroPoints[group * rows + row];
    }

    /// Unpacks the codes of row `row` into `target[offset … offset + cols)`, unsigned.
    public void unpackCodes(int row, byte[] target, int offset) {
        int mask = (1 << bits) - 1;
        // 64 bits always hold the next code whole: at most 31 of its predecessor's word are left when a word is added
        long pending = 0;
        int available = 0;
        int word = 0;
        for (int col = 0; col < cols; col++) {
            if (available < bits) {
                pending |= Integer.toUnsignedLong(word(word++, row)) << available;
                available += 32;
            }
            target[offset + col] = (byte) (pending & mask);
            pending >>>= bits;
            available -= bits;
        }
    }

    @Override
    public MemorySegment memory() {
        return qweight.data();
    }

    /// Codes, scales, packed zero points and the group index, as the GPTQ layout stores them.
    @Override
    public long bytes() {
        return qweight.bytes() + scales.bytes() + (long) groups() * rows * bits / 8 + 4L * cols;
    }

    @Override
    public String encoding() {
        String group = groupSize >= cols ? "row" : Integer.toString(groupSize);
        return "gptq-w" + bits + "-g" + group + (groupIndex == null ? "" : "-act");
    }

    @Override
    public void unpackRow(int row, float[] target, int offset) {
        byte[] codes = new byte[cols];
        unpackCodes(row, codes, 0);
        if (groupIndex == null) {
            for (int group = 0; group < groups(); group++) {
                float scale = scale(group, row);
                int zeroPoint = zeroPoint(group, row);
                int end = Math.min(cols, (group + 1) * groupSize);
                for (int col = group * groupSize; col < end; col++) {
                    target[offset + col] = scale * (Byte.toUnsignedInt(codes[col]) - zeroPoint);
                }
            }
            return;
        }
        float[] scale = new float[groups()];
        for (int group = 0; group < scale.length; group++) {
            scale[group] = scale(group, row);
        }
        for (int col = 0; col < cols; col++) {
            int group = groupIndex[col];
            target[offset + col] = scale[group] * (Byte.toUnsignedInt(codes[col]) - zeroPoint(group, row));
        }
    }

    private int word(int word, int row) {
        return qweight.data().get(Tensor.INT, ((long) word * rows + row) * 4);
    }
}
