package dev.quern.kernels;

import java.util.function.IntConsumer;

/// The products of many tokens with `Panels`, on fixed arrays: each run takes what the arrays hold
/// then, and allocates nothing. A panel is unpacked once for all tokens. Not thread-safe.
final class PanelPrompt implements Runnable, IntConsumer {
    private static final int ROWS = Panels.ROWS;

    /// Inputs of one pass: 256 · 64 floats of a panel stay in the nearest caches for all tokens.
    private static final int DEPTH = 256;

    /// Tasks per worker that make a static split fair enough.
    private static final int TASKS = 4;

    private final Panels panels;
    private final float[] x;
    private final int xOffset;
    private final int tokens;
    private final float[] y;
    private final int yOffset;
    private final Workers workers;
    private final InputOrder order;
    private final int count;
    private final int cuts;
    private final int share;

    /// This run's inputs, in the panels' order.
    private float[] in = {};

    private int inAt;

    PanelPrompt(Panels panels, float[] x, int xOffset, int tokens, float[] y, int yOffset, Workers workers) {
        this.panels = panels;
        this.x = x;
        this.xOffset = xOffset;
        this.tokens = tokens;
        this.y = y;
        this.yOffset = yOffset;
        this.workers = workers;
        this.order = panels.order();
        this.count = Math.ceilDiv(panels.rows(), ROWS);
        // few panels: cut the tokens too, at multiples of the inner block's rows; every sum stays the same
        this.cuts = Math.clamp(Math.ceilDiv(TASKS * workers.threads(), count), 1, Math.ceilDiv(tokens, 64));
        this.share = Math.ceilDiv(Math.ceilDiv(tokens, cuts), Tile6x4.ROWS) * Tile6x4.ROWS;
    }

    @Override
    public void run() {
        in = order.laidOut(x, xOffset, panels.cols(), tokens, workers.scratch());
        inAt = in == x ? xOffset : 0;
        workers.run(count * cuts, this);
    }

    /// One panel for some of the tokens.
    @Override
    public void accept(int task) {
        int from = task % cuts * share;
        int some = Math.min(share, tokens - from);
        if (some > 0) {
            panel(task / cuts, from, some, workers.scratch());
        }
    }

    private void panel(int panel, int from, int some, Scratch scratch) {
        int length = order.length();
        int rows = panels.rows();
        int row = panel * ROWS;
        int xAt = inAt + from * length;
        int yAt = yOffset + from * rows + row;
        float[] tile = scratch.floats(Scratch.TILE, Math.multiplyExact(length, ROWS));
        panels.unpack(panel, tile, scratch);
        boolean whole = row + ROWS <= rows;
        float[] target = whole ? y : scratch.floats(Scratch.PART, some * ROWS);
        int targetAt = whole ? yAt : 0;
        int stride = whole ? rows : ROWS;
        for (int k = 0; k < length; k += DEPTH) {
            int depth = Math.min(DEPTH, length - k);
            Product.multiply(
                    in, xAt + k, length, some, tile, k * ROWS, ROWS, ROWS, depth, target, targetAt, stride, k > 0);
        }
        if (!whole) {
            for (int t = 0; t < some; t++) {
                System.arraycopy(target, t * ROWS, y, yAt + t * rows, rows - row);
            }
        }
    }
}
