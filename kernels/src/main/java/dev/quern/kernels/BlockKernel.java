package dev.quern.kernels;

import dev.quern.core.BlockWeight;
import dev.quern.core.PackedWeight;

/// All GGUF block types: blocks are split into codes and scales once and run as `CodePanels`.
final class BlockKernel implements LinearKernel {
    @Override
    public String name() {
        return "block";
    }

    @Override
    public boolean supports(PackedWeight weight) {
        return weight instanceof BlockWeight;
    }

    @Override
    public PreparedLinear prepare(PackedWeight weight) {
        if (!(weight instanceof BlockWeight block)) {
            throw new IllegalArgumentException("the block kernel takes GGUF blocks, not " + weight.encoding());
        }
        BlockCodes split = BlockCodes.of(block.type());
        int cols = block.cols();
        int groups = cols / split.group;
        int[] groupOf = new int[cols];
        for (int c = 0; c < cols; c++) {
            groupOf[c] = c / split.group;
        }
        InputOrder order = InputOrder.grouped(groupOf, groups, CodePanels.granule(split.bits));
        CodePanels.Shift shift = split.hasMinimum ? CodePanels.Shift.MINIMUM : CodePanels.Shift.NONE;
        CodePanels panels = new CodePanels(block.rows(), cols, split.bits, order, shift, split.bias);
        byte[] codes = new byte[cols];
        float[] scale = new float[groups];
        float[] minimum = new float[groups];
        long at = 0;
        for (int r = 0; r < block.rows(); r++) {
            for (int c = 0; c < cols; c += block.type().weights()) {
                split.split(block.data(), at, codes, c, scale, minimum, c / split.group);
                at += block.type().bytes();
            }
            panels.setRow(r, codes, scale, minimum);
        }
        return new PanelLinear(name(), panels);
    }
}
