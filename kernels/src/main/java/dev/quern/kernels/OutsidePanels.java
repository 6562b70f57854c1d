package dev.quern.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;

/// Panels that machine code reads: inputs and outputs of a token lie outside the heap too, which costs nothing to say.
interface OutsidePanels extends Panels {
    /// False where these panels are read in Java after all.
    boolean outside();

    /// Floats before and behind the 64 of `y` that a product may spoil.
    int SLACK = 16;

    /// Floats of an output with all that surrounds it.
    int SPAN = SLACK + ROWS + SLACK;

    /// Writes to address `y` the product of a panel and the `cols()` floats at `x`. `y` lies in a span
    /// of zeros. Nothing is checked.
    void dot(int panel, long x, long y);

    @Override
    default void dot(int panel, float[] x, int xAt, float[] sums, int sumsAt, float[] y, int yAt, Scratch scratch) {
        long inputs = (long) cols() * Float.BYTES;
        long output = inputs + SLACK * Float.BYTES;
        MemorySegment memory = scratch.outside(inputs + SPAN * Float.BYTES);
        MemorySegment.copy(x, xAt, memory, JAVA_FLOAT, 0, cols());
        memory.asSlice(inputs, SPAN * Float.BYTES).fill((byte) 0);
        dot(panel, memory.address(), memory.address() + output);
        MemorySegment.copy(memory, JAVA_FLOAT, output, y, yAt, ROWS);
        Reference.reachabilityFence(this);
        Reference.reachabilityFence(memory);
    }
}
