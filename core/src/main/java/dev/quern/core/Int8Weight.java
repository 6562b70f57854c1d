package dev.quern.core;

/// Signed 8-bit codes with one scale for each output: `w = scale · code`.
///
/// `codes` I8 `[rows, cols]`, `scales` F32, F16 or BF16 `[rows]`. What compressed-tensors (`int-quantized`, per
/// channel)
/// and the regular part of LLM.int8() hold.
public record Int8Weight(int rows, int cols, Tensor codes, Tensor scales) implements PackedWeight {
    public Int8Weight {
        if (codes.dtype() != DType.I8 || !codes.shape().equals(new Shape(rows, cols))) {
            throw new IllegalArgumentException(
                    "codes are " + codes.dtype() + " " + codes.shape() + ", expected I8 " + new Shape(rows, cols));
        }
        if (!scales.dtype().isFloat() || !scales.shape().equals(new Shape(rows))) {
            throw new IllegalArgumentException(
                    "scales are " + scales.dtype() + " " + scales.shape() + ", expected floats " + new Shape(rows));
        }
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
            target[i] *= scale;
        }
    }
}
