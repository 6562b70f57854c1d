package dev.quern.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/// The product of one token, or a few, with `Panels`, on fixed arrays: each run takes what the arrays hold then, and
/// allocates nothing. A panel is read once for all tokens. Not thread-safe.
final class PanelToken implements Runnable, IntConsumer {
    private static final int ROWS = Panels.ROWS;
    private static final int SPAN = OutsidePanels.SPAN;
    private static final float[] ZEROS = new float[SPAN];

    private final Panels panels;
    private final float[] x;
    private final int xOffset;
    private final int tokens;
    private final float[] y;
    private final int yOffset;
    private final Workers workers;
    private final InputOrder order;

    /// Null where the panels are read in Java.
    private final @Nullable OutsidePanels outside;

    /// This run's inputs, in the panels' order.
    private float[] in = {};

    private int inAt;
    private float[] sums = {};

    /// The same outside the heap, and behind them room for the products.
    private MemorySegment memory = MemorySegment.NULL;

    PanelToken(Panels panels, float[] x, int xOffset, int tokens, float[] y, int yOffset, Workers workers) {
        this.panels = panels;
        this.x = x;
        this.xOffset = xOffset;
        this.tokens = tokens;
        this.y = y;
        this.yOffset = yOffset;
        this.workers = workers;
        this.order = panels.order();
        this.outside = panels instanceof OutsidePanels o && o.outside() ? o : null;
    }

    @Override
    public void run() {
        Scratch scratch = workers.scratch();
        in = order.laidOut(x, xOffset, panels.cols(), tokens, scratch);
        inAt = in == x ? xOffset : 0;
        int count = Math.ceilDiv(panels.rows(), ROWS);
        if (outside != null) {
            memory = scratch.outside((inputs() + (long) tokens * count * SPAN) * Float.BYTES);
            MemorySegment.copy(in, inAt, memory, JAVA_FLOAT, 0, tokens * order.length());
        } else {
            sums = scratch.floats(Scratch.SUMS, tokens * order.groups());
            for (int t = 0; t < tokens; t++) {
                order.sums(in, inAt + t * order.length(), sums, t * order.groups());
            }
        }
        workers.run(count, this);
        Reference.reachabilityFence(panels);
    }

    /// Floats of the inputs, rounded up to whole lines of the cache.
    private long inputs() {
        return ((long) tokens * order.length() + 15) / 16 * 16;
    }

    /// One panel.
    @Override
    public void accept(int panel) {
        int rows = panels.rows();
        int row = panel * ROWS;
        int some = Math.min(ROWS, rows - row);
        if (outside != null) {
            for (int t = 0; t < tokens; t++) {
                long span = (inputs() + (long) (panel * tokens + t) * SPAN) * Float.BYTES;
                long at = span + OutsidePanels.SLACK * Float.BYTES;
                long from = (long) t * order.length() * Float.BYTES;
                MemorySegment.copy(ZEROS, 0, memory, JAVA_FLOAT, span, SPAN);
                outside.dot(panel, memory.address() + from, memory.address() + at);
                MemorySegment.copy(memory, JAVA_FLOAT, at, y, yOffset + t * rows + row, some);
            }
            return;
        }
        Scratch scratch = workers.scratch();
        float[] part = scratch.floats(Scratch.PART, ROWS);
        for (int t = 0; t < tokens; t++) {
            panels.dot(panel, in, inAt + t * order.length(), sums, t * order.groups(), part, 0, scratch);
            System.arraycopy(part, 0, y, yOffset + t * rows + row, some);
        }
    }
}
