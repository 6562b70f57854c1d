package dev.quern.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.quern.core.Int8Weight;
import dev.quern.core.OutlierInt8Weight;
import dev.quern.core.PackedWeight;
import java.lang.foreign.MemorySegment;

/// Signed 8-bit rows, with or without LLM.int8()'s outlier columns: by floats, or exactly by codes of activations.
///
/// Memory: a byte a weight and 8 bytes a row; outlier columns at their own width. The weight itself is not kept.
final class Int8Kernel implements LinearKernel {
    @Override
    public String name() {
        return "int8";
    }

    @Override
    public boolean supports(PackedWeight weight) {
        return (weight instanceof Int8Weight || weight instanceof OutlierInt8Weight)
                && weight.cols() <= CodeLinear.MOST_INPUTS;
    }

    @Override
    public PreparedLinear prepare(PackedWeight weight) {
        if (supports(weight)) {
            if (weight instanceof Int8Weight rows) {
                return linear(rows);
            }
            if (weight instanceof OutlierInt8Weight w) {
                return OutlierLinear.of(name(), w, linear(w.regular()), new DenseKernel());
            }
        }
        throw new IllegalArgumentException("the int8 kernel takes int8 rows of at most " + CodeLinear.MOST_INPUTS
                + " inputs, not " + weight.encoding());
    }

    private Int8Linear linear(Int8Weight weight) {
        int rows = weight.rows();
        int cols = weight.cols();
        InputOrder order = InputOrder.grouped(new int[cols], 1, CodePanels.granule(8));
        FloatScales groupScales = FloatScales.of(rows, 1, GroupScales.Shift.NONE, 0);
        CodePanels panels = new CodePanels(rows, cols, 8, order, groupScales, 0);
        float[] scales = new float[rows];
        int[] sums = new int[rows];
        byte[] codes = new byte[cols];
        float[] one = new float[1];
        for (int r = 0; r < rows; r++) {
            MemorySegment.copy(weight.codes().data(), JAVA_BYTE, (long) r * cols, codes, 0, cols);
            panels.setRow(r, codes);
            scales[r] = weight.scale(r);
            one[0] = scales[r];
            groupScales.set(r, one, one);
            for (byte code : codes) {
                sums[r] += code;
            }
        }
        return new Int8Linear(new PanelLinear(name(), panels), panels, scales, sums);
    }
}
