package dev.quern.kernels;

import dev.quern.core.BlockWeight;
import dev.quern.core.PackedWeight;
import java.lang.foreign.MemorySegment;

/// All GGUF block types: blocks are split into codes and scales once and run as `CodePanels`.
///
/// Memory in bits a weight: TQ1_0 2.125, TQ2_0 2.25, IQ1_S 2.75, Q2_K 3.25; IQ2_XXS, IQ3_XXS and IQ4_XS 4.375; IQ1_M,
/// IQ2_XS, IQ2_S and Q3_K 4.625; Q4_K and IQ3_S 4.75, Q4_0 and IQ4_NL 5, Q4_1 6, Q6_K 8.625, Q5_K 8.75, Q5_0 and Q8_0
/// 9,
/// Q5_1 10. Types with a table of values take 8 for the code where vectors have fewer than 8 lanes. The weight itself
/// is not kept.
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
        return split.supers() ? superBlocks(block, split, order) : flatBlocks(block, split, order);
    }

    private PreparedLinear flatBlocks(BlockWeight block, BlockCodes split, InputOrder order) {
        GroupScales.Shift shift = split.hasMinimum ? GroupScales.Shift.MINIMUM : GroupScales.Shift.NONE;
        FloatScales scales = FloatScales.of(block.rows(), order.groups(), shift, split.bias);
        CodePanels panels =
                new CodePanels(block.rows(), block.cols(), split.bits, order, scales, split.bias, split.table);
        byte[] codes = new byte[block.cols()];
        float[] scale = new float[order.groups()];
        float[] minimum = new float[order.groups()];
        long at = 0;
        for (int r = 0; r < block.rows(); r++) {
            for (int c = 0; c < codes.length; c += split.group) {
                split.split(block.data(), at, codes, c, scale, minimum, c / split.group);
                at += block.type().bytes();
            }
            panels.setRow(r, codes);
            scales.set(r, scale, minimum);
        }
        return new PanelLinear(name(), panels);
    }

    private PreparedLinear superBlocks(BlockWeight block, BlockCodes split, InputOrder order) {
        int weights = block.type().weights();
        int supers = block.cols() / weights;
        int perSuper = weights / split.group;
        SuperScales scales = SuperScales.of(block.rows(), supers, perSuper, split.hasMinimum, split.bias);
        CodePanels panels =
                new CodePanels(block.rows(), block.cols(), split.bits, order, scales, split.bias, split.table);
        byte[] codes = new byte[block.cols()];
        float[] scale = new float[perSuper];
        float[] minimum = new float[perSuper];
        MemorySegment data = block.data();
        long at = 0;
        for (int r = 0; r < block.rows(); r++) {
            for (int b = 0; b < supers; b++) {
                split.split(data, at, codes, b * weights, scale, minimum, 0);
                scales.set(r, b, split.unit(data, at), split.minimumUnit(data, at), scale, minimum, 0);
                at += block.type().bytes();
            }
            panels.setRow(r, codes);
        }
        return new PanelLinear(name(), panels);
    }
}
