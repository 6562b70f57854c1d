package dev.quern.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.function.IntConsumer;

/// The products of one token with weights that share their inputs, on fixed arrays: each run takes what the arrays hold
/// then, and allocates nothing. Every worker takes its share of each weight, in one loop. Not thread-safe.
final class IntegerToken implements Runnable, IntConsumer {
    private final CodedLinear[] linears;
    private final float[] x;
    private final int xOffset;
    private final float[][] y;
    private final int yOffset;
    private final Workers workers;
    private final int parts;
    private final long outBytes;

    /// Where this run's inputs lie, and where the products go before they are copied to `y`.
    private long inputs;

    private MemorySegment out = MemorySegment.NULL;

    IntegerToken(CodedLinear[] linears, float[] x, int xOffset, float[][] y, int yOffset, Workers workers) {
        this.linears = linears;
        this.x = x;
        this.xOffset = xOffset;
        this.y = y;
        this.yOffset = yOffset;
        this.workers = workers;
        int most = 0;
        long outputs = 0;
        for (int i = 0; i < linears.length; i++) {
            CodedLinear linear = linears[i];
            Border.check(linear, x, xOffset, 1, y[i], yOffset);
            most = Math.max(most, linear.panelCount());
            outputs += (long) linear.panelCount() * linear.panelRows();
        }
        this.parts = Math.min(workers.threads(), most);
        this.outBytes = outputs * Float.BYTES;
    }

    @Override
    public void run() {
        CodedLinear first = linears[0];
        Scratch scratch = workers.scratch();
        float[] in = first.order().laidOut(x, xOffset, first.cols(), 1, scratch);
        int inAt = in == x ? xOffset : 0;
        InputBlocks codes = scratch.inputBlocks();
        codes.encode(in, inAt, first.order().length(), 1, first.blocks(), first.levels(), workers);
        inputs = codes.address(0);
        out = scratch.outside(outBytes);
        workers.run(parts, this);
        Reference.reachabilityFence(linears);
        Reference.reachabilityFence(codes);
    }

    /// One worker's share of each weight.
    @Override
    public void accept(int part) {
        long at = 0;
        for (int i = 0; i < linears.length; i++) {
            CodedLinear linear = linears[i];
            int count = linear.panelCount();
            int from = (int) ((long) count * part / parts);
            int to = (int) ((long) count * (part + 1) / parts);
            long panelBytes = (long) linear.panelRows() * Float.BYTES;
            if (from < to) {
                long begin = at + from * panelBytes;
                linear.token(from, to - from, inputs, out.address() + begin);
                int row = from * linear.panelRows();
                int rows = Math.min(to * linear.panelRows(), linear.rows()) - row;
                MemorySegment.copy(out, JAVA_FLOAT, begin, y[i], yOffset + row, rows);
            }
            at += count * panelBytes;
        }
    }
}
