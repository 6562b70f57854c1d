package dev.quern.kernels;

/// Multiplies by `Panels`: few tokens read the packed panels once, many tokens unpack a panel and use it for all.
record PanelLinear(String kernel, Panels panels) implements PreparedLinear {
    /// From this many tokens on, unpacking a panel costs less than reading it once a token.
    static final int PROMPT = 4;

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
        new PanelPrompt(panels, x, xOffset, tokens, y, yOffset, workers).run();
    }

    @Override
    public Runnable token(float[] x, float[] y, Workers workers) {
        return tokens(x, 1, y, workers);
    }

    @Override
    public Runnable tokens(float[] x, int tokens, float[] y, Workers workers) {
        Border.check(this, x, 0, tokens, y, 0);
        return tokens < PROMPT
                ? new PanelToken(panels, x, 0, tokens, y, 0, workers)
                : new PanelPrompt(panels, x, 0, tokens, y, 0, workers);
    }
}
