package dev.quern.kernels;

import dev.quern.core.BlockType;
import dev.quern.core.BlockWeight;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;

/// GGUF blocks in panels: the codes of `BlockCodes` at their own width, scales as the file keeps them.
final class BlockPanels {
    private BlockPanels() {}

    /// The format that holds a type; empty where none does.
    static Optional<PanelFormat> format(BlockType type) {
        BlockCodes split = BlockCodes.of(type);
        boolean table = split.table.length > 0;
        int width = width(split);
        float bias = table ? 128 : offset(split) - split.bias;
        if (bias != 0 && Integer.bitCount((int) bias) != 1 || bias != (int) bias) {
            return Optional.empty();
        }
        int blocks = split.supers() ? type.weights() / PanelFormat.BLOCK : Math.max(1, split.group / PanelFormat.BLOCK);
        return Optional.of(new PanelFormat(
                width,
                (int) bias,
                blocks,
                split.group < PanelFormat.BLOCK ? 2 : 1,
                split.supers() ? PanelFormat.Scales.SUPER : PanelFormat.Scales.HALF,
                split.hasMinimum && type != BlockType.TQ2_0 ? GroupScales.Shift.MINIMUM : GroupScales.Shift.NONE,
                table ? Arrays.copyOf(split.table, 16) : null));
    }

    /// Bits of a code: fewer than panels of floats keep for some types.
    private static int width(BlockCodes split) {
        return switch (split.type) {
            case Q5_0, Q5_1, Q5_K -> 5;
            case Q6_K -> 6;
            case Q3_K -> 3;
            default -> split.bits;
        };
    }

    /// What makes the codes of `BlockCodes` unsigned.
    private static int offset(BlockCodes split) {
        return switch (split.type) {
            case Q5_1, Q5_K -> 0;
            default -> 1 << (width(split) - 1);
        };
    }

    static PreparedLinear prepare(String kernel, BlockWeight weight, MachineCode.Isa isa, int levels) {
        BlockType type = weight.type();
        PanelFormat format = format(type).orElseThrow();
        BlockCodes split = BlockCodes.of(type);
        int cols = weight.cols();
        int perUnit = format.blocks() * PanelFormat.BLOCK;
        IntegerPanels panels = new IntegerPanels(weight.rows(), cols / perUnit, format);
        IntegerPanels.Filling filling = panels.new Filling();
        int groups = type.weights() / split.group;
        float[] scale = new float[groups];
        float[] minimum = new float[groups];
        boolean direct = BlockWords.takes(type, format.bits());
        int blocks = type.weights() / PanelFormat.BLOCK;
        int[] words = new int[blocks * format.bits()];
        byte[] codes = new byte[direct ? 0 : cols];
        byte[] codeOf = codeOf(split);
        long at = 0;
        for (int r = 0; r < weight.rows(); r++) {
            for (int c = 0; c < cols; c += type.weights(), at += type.bytes()) {
                split.scales(weight.data(), at, scale, minimum, 0);
                if (split.supers()) {
                    supers(split, weight.data(), at, r, c / perUnit, scale, minimum, filling);
                } else {
                    filling.scale(r, c / split.group, scale[0], minimum[0]);
                }
                if (direct) {
                    BlockWords.read(type, weight.data(), at, words);
                    filling.words(r, c / PanelFormat.BLOCK, words, blocks);
                } else {
                    split.codes(weight.data(), at, codes, c, scale, 0);
                }
            }
            if (!direct) {
                for (int c = 0; c < cols; c++) {
                    codes[c] = codeOf[codes[c] & 0xFF];
                }
                filling.codes(r, codes, cols);
            }
            if ((r + 1) % PanelFormat.ROWS == 0 || r + 1 == weight.rows()) {
                filling.store(r / PanelFormat.ROWS);
            }
        }
        InputOrder order = InputOrder.plain(cols);
        return new IntegerLinear(kernel, cols, order, panels, PanelProgram.of(isa, format, levels));
    }

    /// The scales and minima of a block as small multiples of its own unit.
    private static void supers(
            BlockCodes split,
            MemorySegment data,
            long at,
            int row,
            int unit,
            float[] scale,
            float[] minimum,
            IntegerPanels.Filling filling) {
        float scaleUnit = split.unit(data, at);
        float minimumUnit = split.minimumUnit(data, at);
        filling.units(row, unit, scaleUnit, minimumUnit);
        for (int g = 0; g < scale.length; g++) {
            filling.small(row, unit, g, small(scale[g], scaleUnit), small(minimum[g], minimumUnit));
        }
    }

    /// Exact: the value is the product, without rounding.
    private static int small(float value, float unit) {
        return unit == 0 ? 0 : (int) (value / unit);
    }

    private static byte[] codeOf(BlockCodes split) {
        byte[] codeOf = new byte[256];
        if (split.table.length > 0) {
            for (int i = 0; i < split.table.length; i++) {
                codeOf[split.table[i] & 0xFF] = (byte) i;
            }
        } else {
            for (int code = -128; code < 128; code++) {
                codeOf[code & 0xFF] = (byte) (code + offset(split));
            }
        }
        return codeOf;
    }
}
