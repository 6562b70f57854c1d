package dev.quern.kernels;

/// Multiplies by `LookupPanels`: a token, or few, through machine code, prompts as `PanelLinear`.
record LookupLinear(String kernel, LookupPanels panels, LookupProgram program) implements CodedLinear {
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
    public InputOrder order() {
        return panels.order();
    }

    @Override
    public int blocks() {
        return panels.blocks();
    }

    @Override
    public int levels() {
        return program.shape().levels();
    }

    @Override
    public int panelCount() {
        return panels.tiles();
    }

    @Override
    public int panelRows() {
        return program.shape().tileRows();
    }

    @Override
    public void token(int from, int count, long inputs, long y) {
        program.token(
                panels.address(from),
                inputs,
                y,
                count,
                panels.blocks(),
                panels.tables().address());
    }

    @Override
    public Runnable token(float[] x, float[] y, Workers workers) {
        return token(x, 0, y, 0, workers);
    }

    private Runnable token(float[] x, int xOffset, float[] y, int yOffset, Workers workers) {
        return new IntegerToken(new CodedLinear[] {this}, x, xOffset, new float[][] {y}, yOffset, workers);
    }

    @Override
    public void multiply(float[] x, int xOffset, int tokens, float[] y, int yOffset, Workers workers) {
        if (tokens >= PanelLinear.PROMPT) {
            new PanelLinear(kernel, panels).multiply(x, xOffset, tokens, y, yOffset, workers);
            return;
        }
        Border.check(this, x, xOffset, tokens, y, yOffset);
        for (int t = 0; t < tokens; t++) {
            token(x, xOffset + t * cols(), y, yOffset + t * rows(), workers).run();
        }
    }
}
