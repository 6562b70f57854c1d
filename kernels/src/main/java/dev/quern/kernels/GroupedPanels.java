package dev.quern.kernels;

import dev.quern.core.DType;
import dev.quern.core.GroupedWeight;

/// GPTQ groups in panels: any width, any group size, with or without activation order.
///
/// Groups are padded to whole blocks of 32 inputs and to one length; codes are centred, so that symmetric weights need
/// no zero points.
final class GroupedPanels {
    private GroupedPanels() {}

    /// True where padding does not double the weight.
    static boolean takes(GroupedWeight weight) {
        int each = InputOrder.longest(groups(weight), weight.groups());
        long padded = (long) Math.ceilDiv(each, PanelFormat.BLOCK) * PanelFormat.BLOCK * weight.groups();
        return padded <= 2L * weight.cols();
    }

    private static int[] groups(GroupedWeight weight) {
        int[] groupOf = new int[weight.cols()];
        for (int c = 0; c < groupOf.length; c++) {
            groupOf[c] = weight.group(c);
        }
        return groupOf;
    }

    static PreparedLinear prepare(String kernel, GroupedWeight weight, MachineCode.Isa isa, int levels) {
        int groups = weight.groups();
        int middle = 1 << (weight.bits() - 1);
        InputOrder order = InputOrder.equal(groups(weight), groups, PanelFormat.BLOCK);
        boolean symmetric = true;
        for (short zero : weight.zeroPoints()) {
            symmetric &= zero == middle;
        }
        PanelFormat format = new PanelFormat(
                weight.bits(),
                middle,
                order.starts()[1] / PanelFormat.BLOCK,
                1,
                weight.scales().dtype() == DType.F16 ? PanelFormat.Scales.HALF : PanelFormat.Scales.FLOAT,
                symmetric ? GroupScales.Shift.NONE : GroupScales.Shift.ZERO,
                null);
        IntegerPanels panels = new IntegerPanels(weight.rows(), groups, format);
        IntegerPanels.Filling filling = panels.new Filling();
        byte[] codes = new byte[weight.cols()];
        byte[] placed = new byte[order.length()];
        for (int r = 0; r < weight.rows(); r++) {
            weight.unpackCodes(r, codes, 0);
            filling.codes(r, place(codes, order, placed), order.length());
            for (int g = 0; g < groups; g++) {
                filling.scale(r, g, weight.scale(g, r), weight.zeroPoint(g, r) - middle);
            }
            if ((r + 1) % PanelFormat.ROWS == 0 || r + 1 == weight.rows()) {
                filling.store(r / PanelFormat.ROWS);
            }
        }
        return new IntegerLinear(kernel, weight.cols(), order, panels, PanelProgram.of(isa, format, levels));
    }

    private static byte[] place(byte[] codes, InputOrder order, byte[] placed) {
        int[] source = order.source();
        if (source == null) {
            return codes;
        }
        for (int i = 0; i < placed.length; i++) {
            placed[i] = source[i] < 0 ? 0 : codes[source[i]];
        }
        return placed;
    }
}
