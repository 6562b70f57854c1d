package dev.quern.kernels;

import java.util.Arrays;

/// Signed 8-bit rows in panels. By floats as any panels; by codes in integers.
///
/// The products of codes are summed by the float units in runs of 1024 inputs, within which every sum is an integer of
/// at most 2^24 and therefore exact, and the runs in 32-bit integers. Why: docs/adr/005. `sums` are the rows' sums of
/// codes.
record Int8Linear(PanelLinear floats, CodePanels panels, float[] scales, int[] sums) implements CodeLinear {
    /// 1024 · 128 · 128 = 2^24.
    static final int RUN = 1024;

    /// Inputs of one pass, see `PanelLinear`; divides `RUN`.
    private static final int DEPTH = 256;

    private static final int ROWS = Panels.ROWS;

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
        return panels.bytes() + 4L * sums.length;
    }

    @Override
    public String kernel() {
        return floats.kernel();
    }

    @Override
    public void multiply(float[] x, int xOffset, int tokens, float[] y, int yOffset, Workers workers) {
        floats.multiply(x, xOffset, tokens, y, yOffset, workers);
    }

    @Override
    public Runnable token(float[] x, float[] y, Workers workers) {
        return floats.token(x, y, workers);
    }

    @Override
    public void multiply(InputCodes codes, float[] x, int xOffset, float[] y, int yOffset, Workers workers) {
        Border.check(this, x, xOffset, codes.tokens(), y, yOffset);
        if (codes.tokens() < PanelLinear.PROMPT) {
            new CodeToken(this, codes, y, yOffset, workers).run();
            return;
        }
        checkCodes(codes);
        int count = Math.ceilDiv(rows(), ROWS);
        // few panels: cut the tokens too
        int cuts = Math.clamp(Math.ceilDiv(4 * workers.threads(), count), 1, Math.ceilDiv(codes.tokens(), 64));
        int share = Math.ceilDiv(Math.ceilDiv(codes.tokens(), cuts), Tile6x4.ROWS) * Tile6x4.ROWS;
        workers.run(count * cuts, task -> {
            int from = task % cuts * share;
            int to = Math.min(from + share, codes.tokens());
            if (from < to) {
                prompt(task / cuts, codes, from, to, y, yOffset, workers.scratch());
            }
        });
    }

    @Override
    public Runnable token(InputCodes codes, float[] x, float[] y, Workers workers) {
        Border.check(this, x, 0, 1, y, 0);
        return new CodeToken(this, codes, y, 0, workers);
    }

    void checkCodes(InputCodes codes) {
        if (codes.cols() != cols()) {
            throw new IllegalArgumentException("codes of " + codes.cols() + " inputs, wanted " + cols());
        }
    }

    private void prompt(int panel, InputCodes x, int from, int to, float[] y, int yAt, Scratch scratch) {
        int stride = x.stride();
        int tokens = to - from;
        float[] tile = scratch.floats(Scratch.TILE, Math.multiplyExact(stride, ROWS));
        panels.unpackCodes(panel, tile);
        float[] part = scratch.floats(Scratch.PART, tokens * ROWS);
        int[] total = scratch.ints(Scratch.TOTAL, tokens * ROWS);
        Arrays.fill(total, 0, tokens * ROWS, 0);
        for (int k = 0; k < stride; k += DEPTH) {
            int depth = Math.min(DEPTH, stride - k);
            int at = from * stride + k;
            Product.multiply(
                    x.codes(), at, stride, tokens, tile, k * ROWS, ROWS, ROWS, depth, part, 0, ROWS, k % RUN > 0);
            if ((k + DEPTH) % RUN == 0 || k + DEPTH >= stride) {
                add(part, 0, total, 0, tokens * ROWS);
            }
        }
        for (int t = from; t < to; t++) {
            finish(panel, x, t, total, (t - from) * ROWS, y, yAt);
        }
    }

    static void add(float[] part, int from, int[] total, int at, int n) {
        for (int i = 0; i < n; i++) {
            total[at + i] += (int) part[from + i];
        }
    }

    void finish(int panel, InputCodes x, int t, int[] total, int at, float[] y, int yAt) {
        int row = panel * ROWS;
        int n = Math.min(ROWS, rows() - row);
        int to = yAt + t * rows() + row;
        float scale = x.scale(t);
        int zero = x.zero(t);
        for (int r = 0; r < n; r++) {
            y[to + r] = scale * scales[row + r] * (total[at + r] - zero * sums[row + r]);
        }
    }
}
