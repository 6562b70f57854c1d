package dev.quern.kernels;

import dev.quern.core.GroupedWeight;
import dev.quern.core.PackedWeight;

/// Weights in the GPTQ packing: any width, any group size, with or without activation order.
///
/// Memory: the codes at their own width, 5 and 6 bits as bytes, and 32 bits for each group's scale, as many
/// again for its zero point unless all are the middle of the range: 4 bits in groups of 128 take 4.25 or 4.5
/// bits a weight. Groups are padded to whole words (32 inputs at 3 bits). The weight itself is not kept.
///
/// Inputs are sorted by group once, here, so that activation order costs one permutation of the activations.
final class GroupedKernel implements LinearKernel {
    @Override
    public String name() {
        return "grouped";
    }

    @Override
    public boolean supports(PackedWeight weight) {
        return weight instanceof GroupedWeight;
    }

    @Override
    public PreparedLinear prepare(PackedWeight weight) {
        if (!(weight instanceof GroupedWeight grouped)) {
            throw new IllegalArgumentException("the grouped kernel takes GPTQ weights, not " + weight.encoding());
        }
        int rows = grouped.rows();
        int cols = grouped.cols();
        int groups = grouped.groups();
        int bits = grouped.bits();
        int held = bits > 4 ? 8 : bits;
        int[] groupOf = new int[cols];
        for (int c = 0; c < cols; c++) {
            groupOf[c] = grouped.group(c);
        }
        // signed codes: the middle of the range becomes 0, and symmetric weights need no zero points
        int middle = 1 << (bits - 1);
        short[] zeroPoints = grouped.zeroPoints();
        boolean symmetric = true;
        for (short zero : zeroPoints) {
            symmetric &= zero == middle;
        }
        InputOrder order = InputOrder.grouped(groupOf, groups, CodePanels.granule(held));
        GroupScales.Shift shift = symmetric ? GroupScales.Shift.NONE : GroupScales.Shift.ZERO;
        FloatScales groupScales = FloatScales.of(rows, groups, shift, 0);
        CodePanels panels = new CodePanels(rows, cols, held, order, groupScales, 0);
        int[] words = grouped.qweight().toInts();
        float[] scales = grouped.scales().toFloats();
        byte[] codes = new byte[cols];
        float[] scale = new float[groups];
        float[] zero = new float[groups];
        for (int r = 0; r < rows; r++) {
            codes(words, rows, r, bits, middle, codes);
            for (int g = 0; g < groups; g++) {
                scale[g] = scales[g * rows + r];
                zero[g] = zeroPoints[g * rows + r] - middle;
            }
            panels.setRow(r, codes);
            groupScales.set(r, scale, zero);
        }
        return new PanelLinear(name(), panels);
    }

    private static void codes(int[] words, int rows, int row, int bits, int middle, byte[] codes) {
        int mask = (1 << bits) - 1;
        long pending = 0;
        int held = 0;
        int at = row;
        for (int c = 0; c < codes.length; c++) {
            if (held < bits) {
                pending |= Integer.toUnsignedLong(words[at]) << held;
                at += rows;
                held += 32;
            }
            codes[c] = (byte) (((int) pending & mask) - middle);
            pending >>>= bits;
            held -= bits;
        }
    }
}
