package dev.quern.kernels;

import java.util.Arrays;
import java.util.function.IntConsumer;

/// The product of codes of a token, or a few, with `Int8Linear`, on fixed arrays: each run takes what
/// the codes are then, and allocates nothing. A panel is read once for all tokens. Not thread-safe.
final class CodeToken implements Runnable, IntConsumer {
    private static final int ROWS = Panels.ROWS;
    private static final int RUN = Int8Linear.RUN;

    private final Int8Linear linear;
    private final InputCodes codes;
    private final float[] y;
    private final int yOffset;
    private final Workers workers;

    CodeToken(Int8Linear linear, InputCodes codes, float[] y, int yOffset, Workers workers) {
        this.linear = linear;
        this.codes = codes;
        this.y = y;
        this.yOffset = yOffset;
        this.workers = workers;
    }

    @Override
    public void run() {
        linear.checkCodes(codes);
        workers.run(Math.ceilDiv(linear.rows(), ROWS), this);
    }

    /// One panel.
    @Override
    public void accept(int panel) {
        Scratch scratch = workers.scratch();
        float[] part = scratch.floats(Scratch.PART, ROWS);
        int[] total = scratch.ints(Scratch.TOTAL, ROWS);
        int stride = codes.stride();
        for (int t = 0; t < codes.tokens(); t++) {
            Arrays.fill(total, 0, ROWS, 0);
            for (int k = 0; k < stride; k += RUN) {
                linear.panels().dotCodes(panel, codes.codes(), t * stride, k, Math.min(k + RUN, stride), part);
                Int8Linear.add(part, 0, total, 0, ROWS);
            }
            linear.finish(panel, codes, t, total, 0, y, yOffset);
        }
    }
}
