package dev.quern.core;

import java.lang.foreign.MemorySegment;

/// Signed 8-bit codes with one scale for each output: `w = code · scale / steps`.
///
/// `codes` I8 `[rows, cols]`, `scales` F32, F16 or BF16 `[rows]`. `steps` is 1 where a scale is one code's worth
/// (compressed-tensors `int-quantized`, per channel), and 127 where it is the row's largest magnitude (bitsandbytes).
public record Int8Weight(int rows, int cols, Tensor codes, Tensor scales, int steps) implements PackedWeight {
    /// The steps of scales that are rows' largest magnitudes.
    public static final int LARGEST = 127;

    public Int8Weight {
        if (codes.dtype() != DType.I8 || !codes.shape().equals(new Shape(rows, cols))) {
            throw new IllegalArgumentException(
                    "codes are " + codes.dtype() + " " + codes.shape() + ", expected I8 " + new Shape(rows, cols));
        }
        if (!scales.dtype().isFloat() || !scales.shape().equals(new Shape(rows))) {
            throw new IllegalArgumentException(
                    "scales are " + scales.dtype() + " " + scales.shape() + ", expected floats " + new Shape(rows));
        }
        if (steps != 1 && steps != LARGEST) {
            throw new IllegalArgumentException("a scale is worth 1 or 127 codes, not " + steps);
        }
    }

    /// Scales of single codes.
    public Int8Weight(int rows, int cols, Tensor codes, Tensor scales) {
        this(rows, cols, codes, scales, 1);
    }

    /// What one code of row `row` is worth.
    public float scale(int row) {
        return scales.floatAt(row) / steps;
    }

    /// The same values as `weight`, which has 8 bits, one symmetric group a row, and no activation order.
    public static Int8Weight of(GroupedWeight weight) {
        if (!fits(weight)) {
            throw new IllegalArgumentException(weight.encoding() + " is not made of symmetric int8 rows");
        }
        byte[] codes = new byte[Math.multiplyExact(weight.rows(), weight.cols())];
        for (int row = 0; row < weight.rows(); row++) {
            weight.unpackCodes(row, codes, row * weight.cols());
        }
        for (int i = 0; i < codes.length; i++) {
            codes[i] -= (byte) 128;
        }
        Tensor scales = new Tensor(
                weight.scales().dtype(),
                new Shape(weight.rows()),
                weight.scales().data());
        return new Int8Weight(weight.rows(), weight.cols(), Tensor.of(codes, weight.rows(), weight.cols()), scales);
    }

    /// True where `of` takes `weight`.
    public static boolean fits(GroupedWeight weight) {
        boolean middle = weight.bits() == 8 && weight.groups() == 1;
        for (short zero : weight.zeroPoints()) {
            middle &= zero == 128;
        }
        return middle;
    }

    /// The nearest codes to `values [rows, cols]`, each row on its symmetric grid of 255 steps: `scale
    /// = max|w| / 127.5`, rounded to `scaleType` first.
    public static Int8Weight nearest(int rows, int cols, float[] values, DType scaleType) {
        byte[] codes = new byte[Math.multiplyExact(rows, cols)];
        float[] scales = new float[rows];
        for (int row = 0; row < rows; row++) {
            float most = 0;
            for (int i = row * cols; i < (row + 1) * cols; i++) {
                most = Math.max(most, Math.abs(values[i]));
            }
            float scale = Floats.round(scaleType, most / 127.5f);
            // rows of zeros, and such small ones that no scale can be stored for them
            scales[row] = scale > 0 ? scale : 1;
            for (int i = row * cols; i < (row + 1) * cols; i++) {
                codes[i] = (byte) Math.clamp((long) Math.rint(values[i] / scales[row]), -128, 127);
            }
        }
        return new Int8Weight(rows, cols, Tensor.of(codes, rows, cols), Tensor.of(scaleType, scales, rows));
    }

    /// The nearest codes as bitsandbytes chooses them: `round(w · 127 / max|w|)`, halves to even, never −128.
    public static Int8Weight nearestLargest(int rows, int cols, float[] values) {
        byte[] codes = new byte[Math.multiplyExact(rows, cols)];
        float[] largest = new float[rows];
        for (int row = 0; row < rows; row++) {
            for (int i = row * cols; i < (row + 1) * cols; i++) {
                largest[row] = Math.max(largest[row], Math.abs(values[i]));
            }
            // the reciprocal first: bitsandbytes' own last bit
            float inverse = largest[row] > 0 ? 1 / largest[row] * LARGEST : 0;
            for (int i = row * cols; i < (row + 1) * cols; i++) {
                codes[i] = (byte) Math.clamp((long) Math.rint(values[i] * inverse), -127, 127);
            }
        }
        return new Int8Weight(rows, cols, Tensor.of(codes, rows, cols), Tensor.of(largest, rows), LARGEST);
    }

    @Override
    public MemorySegment memory() {
        return codes.data();
    }

    @Override
    public long bytes() {
        return codes.bytes() + scales.bytes();
    }

    @Override
    public String encoding() {
        return "int8";
    }

    @Override
    public void unpackRow(int row, float[] target, int offset) {
        codes.copyFloats((long) row * cols, target, offset, cols);
        float scale = scales.floatAt(row);
        for (int i = offset; i < offset + cols; i++) {
            // in the order of the packages that wrote the file: the last bit is theirs
            target[i] = target[i] * scale / steps;
        }
    }
}
