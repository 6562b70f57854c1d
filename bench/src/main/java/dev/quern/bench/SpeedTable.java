package dev.quern.bench;

import dev.quern.core.PackedWeight;
import dev.quern.kernels.AttentionKernel;
import dev.quern.kernels.Kernels;
import dev.quern.kernels.KvLayer;
import dev.quern.kernels.PreparedLinear;
import dev.quern.kernels.VectorWidth;
import dev.quern.kernels.Workers;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/// Prints how fast each encoding is on one core beside the scalar path, for one token and for a prompt.
///
/// Times are processor time of the thread, the fastest twentieth of many runs, so that a busy machine spoils them
/// little. The scalar path's speed is measured on the first rows of the same shape, since all of them would take
/// minutes.
///
/// Arguments: names of encodings; none means all.
public final class SpeedTable {
    private static final int[][] SHAPES = {{576, 576}, {1536, 576}, {576, 1536}, {2048, 2048}, {49152, 576}};
    private static final int PROMPT = 256;
    private static final ThreadMXBean CLOCK = ManagementFactory.getThreadMXBean();

    private final PrintStream out;
    private final long warmUpNanos;
    private final double effort;
    private final Workers alone = Workers.of(1);

    /// Prints to `out`; warms each loop up for `warmUpNanos`, then measures it for `effort` seconds.
    SpeedTable(PrintStream out, long warmUpNanos, double effort) {
        this.out = out;
        this.warmUpNanos = warmUpNanos;
        this.effort = effort;
    }

    /// Prints the table.
    public static void main(String[] names) {
        SpeedTable table = new SpeedTable(System.out, 1_000_000_000L, 0.2);
        System.out.println("vectors: " + VectorWidth.describe() + "; one core, the fastest twentieth of many runs\n");
        table.print(names.length == 0 ? SeededWeights.names() : List.of(names), SHAPES);
        if (names.length == 0) {
            table.attention(2048, 9, 3, 64);
        }
    }

    /// Prints a row for each encoding and shape.
    void print(List<String> encodings, int[][] shapes) {
        out.println("| encoding | shape | one token GB/s | GFLOP/s | × scalar | " + PROMPT
                + " tokens GFLOP/s | × scalar |");
        out.println("|---|---|---:|---:|---:|---:|---:|");
        for (String encoding : encodings) {
            warmUp(encoding);
            for (int[] shape : shapes) {
                row(encoding, shape[0], shape[1]);
            }
        }
    }

    /// Runs until the compiler is done with the loops of this encoding.
    private void warmUp(String encoding) {
        PackedWeight weight = SeededWeights.of(encoding, 256, 512, 1);
        for (PreparedLinear linear :
                List.of(Kernels.prepare(weight), Kernels.ALL.getLast().prepare(weight))) {
            for (int tokens : new int[] {1, PROMPT}) {
                long until = System.nanoTime() + warmUpNanos;
                while (System.nanoTime() < until) {
                    seconds(linear, tokens);
                }
            }
        }
    }

    private void row(String encoding, int rows, int cols) {
        PackedWeight weight = SeededWeights.of(encoding, rows, cols, 1);
        PreparedLinear linear = Kernels.prepare(weight);
        PreparedLinear scalar = Kernels.ALL.getLast().prepare(SeededWeights.of(encoding, Math.min(rows, 64), cols, 1));
        double one = flops(linear, 1) / seconds(linear, 1);
        double oneScalar = flops(scalar, 1) / seconds(scalar, 1);
        double many = flops(linear, PROMPT) / seconds(linear, PROMPT);
        double manyScalar = flops(scalar, PROMPT) / seconds(scalar, PROMPT);
        out.printf(
                Locale.ROOT,
                "| %s | %d × %d | %.1f | %.1f | %.1f | %.1f | %.1f |%n",
                encoding,
                rows,
                linear.cols(),
                one / flops(linear, 1) * linear.weightBytes() / 1e9,
                one / 1e9,
                one / oneScalar,
                many / 1e9,
                many / manyScalar);
    }

    private void attention(int tokens, int nHeads, int nKvHeads, int headDim) {
        Random random = new Random(1);
        KvLayer cache = new KvLayer(nKvHeads, headDim);
        float[] k = SeededWeights.floats(tokens * nKvHeads * headDim, random);
        cache.append(k, 0, k, 0, tokens);
        float[] q = SeededWeights.floats(tokens * nHeads * headDim, random);
        float[] y = new float[q.length];
        double prompt = seconds(
                () -> AttentionKernel.attend(q, 0, tokens, 0, nHeads, cache, 0.125f, 0, y, 0, alone), 10 * effort);
        // scores and weighted values, half of the square
        double flops = 2.0 * nHeads * headDim * tokens * (tokens + 1);
        out.printf(
                Locale.ROOT,
                "%nattention of %d tokens, %d heads, %d kv heads, dim %d: %.1f ms, %.1f GFLOP/s%n",
                tokens,
                nHeads,
                nKvHeads,
                headDim,
                prompt * 1e3,
                flops / prompt / 1e9);
        double one = seconds(
                () -> AttentionKernel.attend(q, 0, 1, tokens - 1, nHeads, cache, 0.125f, 0, y, 0, alone), effort);
        out.printf(
                Locale.ROOT,
                "attention of one token over %d positions: %.3f ms, %.1f GB/s of keys and values%n",
                tokens,
                one * 1e3,
                cache.bytes() / one / 1e9);
    }

    private static double flops(PreparedLinear linear, int tokens) {
        return 2.0 * linear.rows() * linear.cols() * tokens;
    }

    private double seconds(PreparedLinear linear, int tokens) {
        float[] x = SeededWeights.floats(tokens * linear.cols(), new Random(2));
        float[] y = new float[tokens * linear.rows()];
        return seconds(() -> linear.multiply(x, 0, tokens, y, 0, alone), effort);
    }

    /// The time of a run, as the fastest twentieth of samples knows it: `effort` seconds of samples of a millisecond,
    /// at
    /// least three. The very fastest would sometimes be a hiccup of the clock.
    static double seconds(Runnable body, double effort) {
        List<Double> samples = new ArrayList<>();
        int runs = 1;
        double total = 0;
        while (samples.size() < 3 || total < effort) {
            long before = CLOCK.getCurrentThreadCpuTime();
            for (int run = 0; run < runs; run++) {
                body.run();
            }
            double taken = (CLOCK.getCurrentThreadCpuTime() - before) * 1e-9;
            total += taken;
            if (taken < 0.5e-3 && samples.isEmpty()) {
                runs *= 2;
            } else {
                samples.add(taken / runs);
            }
        }
        Collections.sort(samples);
        return samples.get(samples.size() / 20);
    }
}
