package dev.quern.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;

/// Multiplies codes of activations by codes of weights through machine code (docs/adr/006).
///
/// Inputs are rounded to 16 bits, or 8, in blocks of 32 (`InputBlocks`); the rest is exact up to the
/// order that `PanelProgram` promises, the same to the bit for one token as within a batch and whatever
/// the number of threads.
record IntegerLinear(String kernel, int cols, InputOrder order, IntegerPanels panels, PanelProgram program)
        implements CodedLinear {
    private static final int ROWS = PanelFormat.ROWS;
    private static final int TOKENS = InputBlocks.TOKENS;

    /// Tasks per worker that make a static split fair enough.
    private static final int TASKS = 4;

    @Override
    public int rows() {
        return panels.rows();
    }

    @Override
    public long weightBytes() {
        return panels.bytes();
    }

    @Override
    public int blocks() {
        return panels.blocks();
    }

    @Override
    public int levels() {
        return program.levels();
    }

    @Override
    public int panelCount() {
        return panels.panels();
    }

    @Override
    public int panelRows() {
        return ROWS;
    }

    @Override
    public void token(int from, int count, long inputs, long y) {
        program.token(panels.address(from), inputs, y, count, panels.units());
    }

    @Override
    public void multiply(float[] x, int xOffset, int tokens, float[] y, int yOffset, Workers workers) {
        multiply(new IntegerLinear[] {this}, x, xOffset, tokens, new float[][] {y}, yOffset, workers);
    }

    @Override
    public Runnable token(float[] x, float[] y, Workers workers) {
        return new IntegerToken(new IntegerLinear[] {this}, x, 0, new float[][] {y}, 0, workers);
    }

    /// True where the codes of an input for this weight are those for `other`.
    boolean sharesInputs(IntegerLinear other) {
        return cols == other.cols
                && order.source() == null
                && other.order.source() == null
                && blocks() == other.blocks()
                && levels() == other.levels();
    }

    /// The products of weights that share inputs, each in its `y`: inputs are rounded once, and one token takes one
    /// loop over all of them.
    static void multiply(
            IntegerLinear[] linears, float[] x, int xOffset, int tokens, float[][] y, int yOffset, Workers workers) {
        if (tokens == 1) {
            new IntegerToken(linears, x, xOffset, y, yOffset, workers).run();
        } else if (tokens > 1) {
            many(linears, x, xOffset, tokens, y, yOffset, workers);
        }
    }

    private static void many(
            IntegerLinear[] linears, float[] x, int xOffset, int tokens, float[][] y, int yOffset, Workers workers) {
        for (int i = 0; i < linears.length; i++) {
            Border.check(linears[i], x, xOffset, tokens, y[i], yOffset);
        }
        IntegerLinear first = linears[0];
        Scratch scratch = workers.scratch();
        float[] in = first.order.laidOut(x, xOffset, first.cols, tokens, scratch);
        int inAt = in == x ? xOffset : 0;
        InputBlocks inputs = scratch.inputBlocks();
        inputs.encode(in, inAt, first.order.length(), tokens, first.blocks(), first.levels(), workers);
        for (int i = 0; i < linears.length; i++) {
            linears[i].many(inputs, tokens, y[i], yOffset, workers);
        }
        Reference.reachabilityFence(linears);
        Reference.reachabilityFence(inputs);
    }

    private void many(InputBlocks inputs, int tokens, float[] y, int yAt, Workers workers) {
        int count = panels.panels();
        // few panels: cut the tokens too; every sum stays the same
        int cuts = Math.clamp(Math.ceilDiv(TASKS * workers.threads(), count), 1, Math.ceilDiv(tokens, 64));
        int share = Math.ceilDiv(Math.ceilDiv(tokens, cuts), TOKENS) * TOKENS;
        workers.run(count * cuts, task -> {
            int from = task % cuts * share;
            int to = Math.min(from + share, tokens);
            if (from < to) {
                panel(task / cuts, inputs, from, to, y, yAt, workers.scratch());
            }
        });
    }

    private void panel(int panel, InputBlocks inputs, int from, int to, float[] y, int yAt, Scratch scratch) {
        int row = panel * ROWS;
        int n = Math.min(ROWS, rows() - row);
        long weights = panels.address(panel);
        int whole = n == ROWS ? (to - from) / TOKENS : 0;
        int next = from + whole * TOKENS;
        if (whole > 0) {
            MemorySegment target = MemorySegment.ofArray(y).asSlice((yAt + (long) from * rows() + row) * 4);
            program.tokens(weights, inputs.address(from), target, whole, panels.units(), rows() * 4L);
        }
        for (; next < to; next += TOKENS) {
            MemorySegment part = scratch.outside(TOKENS * ROWS * 4L);
            program.tokens(weights, inputs.address(next), part, 1, panels.units(), ROWS * 4L);
            for (int t = next; t < Math.min(next + TOKENS, to); t++) {
                MemorySegment.copy(part, JAVA_FLOAT, (t - next) * ROWS * 4L, y, yAt + t * rows() + row, n);
            }
        }
    }
}
