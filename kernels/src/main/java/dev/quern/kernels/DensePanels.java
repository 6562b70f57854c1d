package dev.quern.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.quern.core.DenseWeight;
import java.lang.foreign.MemorySegment;

/// Panels of dense weights outside the heap, read by `DenseProgram`; they lie as in `FloatPanels`, `F16Panels` and
/// `Bf16Panels`, and a prompt unpacks them as those do.
record DensePanels(DenseProgram program, int rows, int cols, MemorySegment memory) implements OutsidePanels {
    /// Copies the weight, a panel at a time. Inputs of bfloat16 are even in number.
    static DensePanels of(DenseProgram program, DenseWeight weight) {
        int cols = weight.cols();
        int panels = Math.ceilDiv(weight.rows(), ROWS);
        long bytes = program.kind().bytes(cols);
        MemorySegment memory = SystemMemory.allocate(panels * bytes);
        for (int p = 0; p < panels; p++) {
            MemorySegment panel = switch (program.kind()) {
                case F32 -> MemorySegment.ofArray(FloatPanels.panel(weight, p));
                case F16 -> MemorySegment.ofArray(F16Panels.panel(weight, p));
                case BF16 -> MemorySegment.ofArray(Bf16Panels.panel(weight, p));
            };
            MemorySegment.copy(panel, 0, memory, p * bytes, bytes);
        }
        return new DensePanels(program, weight.rows(), cols, memory);
    }

    @Override
    public InputOrder order() {
        return InputOrder.plain(cols);
    }

    @Override
    public long bytes() {
        return memory.byteSize();
    }

    @Override
    public boolean outside() {
        return true;
    }

    @Override
    public void dot(int panel, long x, long y) {
        program.dot(memory.address() + panel * program.kind().bytes(cols), x, cols, y);
    }

    @Override
    public void unpack(int panel, float[] tile, Scratch scratch) {
        long from = panel * program.kind().bytes(cols);
        int count = cols * ROWS;
        switch (program.kind()) {
            case F32 -> MemorySegment.copy(memory, JAVA_FLOAT, from, tile, 0, count);
            case F16 -> {
                short[] halves = scratch.shorts(count);
                MemorySegment.copy(memory, JAVA_SHORT, from, halves, 0, count);
                F16Panels.widen(halves, 0, tile, 0, count);
            }
            case BF16 -> {
                int[] words = scratch.ints(Scratch.WORDS, count / 2);
                MemorySegment.copy(memory, JAVA_INT, from, words, 0, count / 2);
                Bf16Panels.unpack(words, cols, tile);
            }
        }
    }
}
