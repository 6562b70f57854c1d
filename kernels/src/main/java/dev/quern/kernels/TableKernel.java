package dev.quern.kernels;

import dev.quern.core.PackedWeight;
import dev.quern.core.TableWeight;

/// bitsandbytes' NF4 and FP4, where blocks do not cross rows: codes stay 4 bits wide, scales become floats, half a bit
/// a
/// weight in blocks of 64. The weight itself is not kept.
final class TableKernel implements LinearKernel {
    @Override
    public String name() {
        return "table";
    }

    @Override
    public boolean supports(PackedWeight weight) {
        return weight instanceof TableWeight table
                && table.cols() % table.blockSize() == 0
                && table.blockSize() % TablePanels.EACH == 0;
    }

    @Override
    public PreparedLinear prepare(PackedWeight weight) {
        if (!(weight instanceof TableWeight table)) {
            throw new IllegalArgumentException("the table kernel takes nf4 and fp4 weights, not " + weight.encoding());
        }
        int blocks = table.cols() / table.blockSize();
        TablePanels panels = TablePanels.of(table.rows(), table.cols(), table.blockSize(), table.table());
        float[] scales = new float[blocks];
        float[] none = new float[blocks];
        for (int row = 0; row < table.rows(); row++) {
            long first = (long) row * table.cols();
            for (int col = 0; col < table.cols(); col++) {
                panels.set(row, col, table.code(first + col));
            }
            for (int block = 0; block < blocks; block++) {
                scales[block] = table.scales().scale(row * blocks + block);
            }
            panels.scales().set(row, scales, none);
        }
        return new PanelLinear(name(), panels);
    }
}
