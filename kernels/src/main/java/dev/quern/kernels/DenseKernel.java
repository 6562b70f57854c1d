package dev.quern.kernels;

import dev.quern.core.DType;
import dev.quern.core.DenseWeight;
import dev.quern.core.PackedWeight;
import dev.quern.core.Tensor;
import java.lang.foreign.MemorySegment;

/// Dense F32, BF16 and F16 weights, copied into panels once; 16-bit weights stay 16 bits wide.
final class DenseKernel implements LinearKernel {
    @Override
    public String name() {
        return "dense";
    }

    @Override
    public boolean supports(PackedWeight weight) {
        return weight instanceof DenseWeight;
    }

    @Override
    public PreparedLinear prepare(PackedWeight weight) {
        if (!(weight instanceof DenseWeight dense)) {
            throw new IllegalArgumentException("the dense kernel takes dense weights, not " + weight.encoding());
        }
        return new PanelLinear(name(), panels(dense));
    }

    private static Panels panels(DenseWeight dense) {
        DType dtype = dense.tensor().dtype();
        if (dtype == DType.F32) {
            return FloatPanels.of(dense);
        }
        int cols = dense.cols();
        int words = Math.ceilDiv(cols, 2);
        int[][] panels = new int[Math.ceilDiv(dense.rows(), Panels.ROWS)][words * Panels.ROWS];
        short[] row = new short[words * 2];
        boolean finite = true;
        for (int r = 0; r < dense.rows(); r++) {
            MemorySegment.copy(dense.tensor().data(), Tensor.SHORT, 2L * r * cols, row, 0, cols);
            int[] panel = panels[r / Panels.ROWS];
            int at = r % Panels.ROWS;
            for (int w = 0; w < words; w++) {
                int low = row[2 * w] & 0xFFFF;
                int high = row[2 * w + 1] & 0xFFFF;
                finite &= (low & 0x7C00) != 0x7C00 && (high & 0x7C00) != 0x7C00;
                panel[w * Panels.ROWS + at] = low | high << 16;
            }
        }
        if (dtype == DType.BF16) {
            return new Bf16Panels(dense.rows(), cols, panels);
        }
        // the fast widening of halves knows no infinity and no NaN
        return finite ? new F16Panels(dense.rows(), cols, panels) : FloatPanels.of(dense);
    }
}
