package dev.quern.kernels;

/// Multiplies by `Panels`: few tokens read the packed panels once, many tokens unpack a panel and use it for all.
record PanelLinear(String kernel, Panels panels) implements PreparedLinear {
    /// From this many tokens on, unpacking a panel costs less than reading it once a token.
    static final int PROMPT = 4;

    /// Inputs of one pass: 256 · 64 floats of a panel stay in the nearest caches for all tokens.
    private static final int DEPTH = 256;

    /// Tasks per worker that make a static split fair enough.
    private static final int TASKS = 4;

    @Override
    public int rows() {
        return panels.rows();
    }

    @Override
    public int cols() {
        return panels.cols();
    }

    @Override
    public long weightBytes() {
        return panels.bytes();
    }

    @Override
    public void multiply(float[] x, int xOffset, int tokens, float[] y, int yOffset, Workers workers) {
        Border.check(this, x, xOffset, tokens, y, yOffset);
        if (tokens < PROMPT) {
            new PanelToken(panels, x, xOffset, tokens, y, yOffset, workers).run();
            return;
        }
        InputOrder order = panels.order();
        float[] in = order.laidOut(x, xOffset, panels.cols(), tokens, workers.scratch());
        prompt(in, in == x ? xOffset : 0, tokens, y, yOffset, workers);
    }

    @Override
    public Runnable token(float[] x, float[] y, Workers workers) {
        Border.check(this, x, 0, 1, y, 0);
        return new PanelToken(panels, x, 0, 1, y, 0, workers);
    }

    private void prompt(float[] x, int xAt, int tokens, float[] y, int yAt, Workers workers) {
        int count = Math.ceilDiv(panels.rows(), Panels.ROWS);
        // few panels: cut the tokens too, at multiples of the inner block's rows; every sum stays the same
        int cuts = Math.clamp(Math.ceilDiv(TASKS * workers.threads(), count), 1, Math.ceilDiv(tokens, 64));
        int share = Math.ceilDiv(Math.ceilDiv(tokens, cuts), Tile6x4.ROWS) * Tile6x4.ROWS;
        workers.run(count * cuts, task -> {
            int from = task % cuts * share;
            int some = Math.min(share, tokens - from);
            if (some > 0) {
                int rowsAt = yAt + from * panels.rows();
                panel(task / cuts, x, xAt + from * panels.order().length(), some, y, rowsAt, workers.scratch());
            }
        });
    }

    private void panel(int panel, float[] x, int xAt, int tokens, float[] y, int yAt, Scratch scratch) {
        int length = panels.order().length();
        int rows = panels.rows();
        int row = panel * Panels.ROWS;
        float[] tile = scratch.floats(Scratch.TILE, Math.multiplyExact(length, Panels.ROWS));
        panels.unpack(panel, tile, scratch);
        boolean whole = row + Panels.ROWS <= rows;
        float[] target = whole ? y : scratch.floats(Scratch.PART, tokens * Panels.ROWS);
        int targetAt = whole ? yAt + row : 0;
        int stride = whole ? rows : Panels.ROWS;
        for (int k = 0; k < length; k += DEPTH) {
            int depth = Math.min(DEPTH, length - k);
            Product.multiply(
                    x,
                    xAt + k,
                    length,
                    tokens,
                    tile,
                    k * Panels.ROWS,
                    Panels.ROWS,
                    Panels.ROWS,
                    depth,
                    target,
                    targetAt,
                    stride,
                    k > 0);
        }
        if (!whole) {
            for (int t = 0; t < tokens; t++) {
                System.arraycopy(target, t * Panels.ROWS, y, yAt + t * rows + row, rows - row);
            }
        }
    }
}
