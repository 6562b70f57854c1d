package dev.quern.kernels;

import dev.quern.core.DenseWeight;
import dev.quern.core.PackedWeight;
import dev.quern.core.Tensor;
import java.lang.foreign.MemorySegment;

/// Dense F32, BF16 and F16 weights, copied into panels once; 16-bit weights stay 16 bits wide.
///
/// Memory: as many bytes as the weight has, on the heap, rows rounded up to 64. The weight itself is not kept: one that
/// is a view of a mapped file costs no memory of its own afterwards.
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
        return switch (dense.tensor().dtype()) {
            case BF16 -> bf16(dense);
            case F16 -> f16(dense);
            default -> FloatPanels.of(dense);
        };
    }

    private static Bf16Panels bf16(DenseWeight dense) {
        int cols = dense.cols();
        int words = Math.ceilDiv(cols, 2);
        int[][] panels = new int[Math.ceilDiv(dense.rows(), Panels.ROWS)][Math.multiplyExact(words, Panels.ROWS)];
        short[] row = new short[words * 2];
        for (int r = 0; r < dense.rows(); r++) {
            MemorySegment.copy(dense.tensor().data(), Tensor.SHORT, 2L * r * cols, row, 0, cols);
            int[] panel = panels[r / Panels.ROWS];
            int at = r % Panels.ROWS;
            for (int w = 0; w < words; w++) {
                panel[w * Panels.ROWS + at] = row[2 * w] & 0xFFFF | row[2 * w + 1] << 16;
            }
        }
        return new Bf16Panels(dense.rows(), cols, panels);
    }

    private static F16Panels f16(DenseWeight dense) {
        int cols = dense.cols();
        short[][] panels = new short[Math.ceilDiv(dense.rows(), Panels.ROWS)][Math.multiplyExact(cols, Panels.ROWS)];
        short[] row = new short[cols];
        for (int r = 0; r < dense.rows(); r++) {
            MemorySegment.copy(dense.tensor().data(), Tensor.SHORT, 2L * r * cols, row, 0, cols);
            short[] panel = panels[r / Panels.ROWS];
            int at = r % Panels.ROWS;
            for (int k = 0; k < cols; k++) {
                panel[k * Panels.ROWS + at] = row[k];
            }
        }
        return new F16Panels(dense.rows(), cols, panels);
    }
}
