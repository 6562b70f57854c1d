package dev.quern.bench;

import dev.quern.core.KvScheme;
import dev.quern.core.PackedWeight;
import dev.quern.kernels.AttentionKernel;
import dev.quern.kernels.Kernels;
import dev.quern.kernels.KvLayer;
import dev.quern.kernels.PreparedLinear;
import dev.quern.kernels.TokenAttention;
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
/// Arguments: names of encodings, or `attention`; none means all, attention too.
public final class SpeedTable {
    private static final int[][] SHAPES = {{576, 576}, {1536, 576}, {576, 1536}, {2048, 2048}, {49152, 576}};
    private static final int PROMPT = 256;
    private static final String ATTENTION = "attention";
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
        List<String> wanted = new ArrayList<>(List.of(names));
        boolean attention = wanted.remove(ATTENTION) || names.length == 0;
        if (!wanted.isEmpty() || names.length == 0) {
            table.print(wanted.isEmpty() ? SeededWeights.names() : wanted, SHAPES);
        }
        if (attention) {
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

    /// Prints what attention takes with each width of the KV cache.
    void attention(int tokens, int nHeads, int nKvHeads, int headDim) {
        out.printf(
                Locale.ROOT,
                "%nAttention, %d heads on %d kv heads of dimension %d; one token's GB/s are of keys and values.%n%n",
                nHeads,
                nKvHeads,
                headDim);
        out.printf(Locale.ROOT, "| cache | prompt of %d, ms | GFLOP/s | one token behind it, ms | GB/s |%n", tokens);
        out.println("|---|---:|---:|---:|---:|");
        for (int bits : new int[] {32, 16, 8, 4, 2}) {
            attention(KvScheme.of(bits), tokens, nHeads, nKvHeads, headDim);
        }
    }

    private void attention(KvScheme kv, int tokens, int nHeads, int nKvHeads, int headDim) {
        Random random = new Random(1);
        KvLayer cache = new KvLayer(nKvHeads, headDim, kv);
        float[] k = SeededWeights.floats(tokens * nKvHeads * headDim, random);
        cache.append(k, 0, k, 0, tokens);
        cache.close(kv.closedBlocks(tokens - 1));
        float[] q = SeededWeights.floats(tokens * nHeads * headDim, random);
        float[] y = new float[q.length];
        double prompt = seconds(
                () -> AttentionKernel.attend(q, 0, tokens, 0, nHeads, cache, 0.125f, 0, y, 0, alone), 10 * effort);
        TokenAttention token = new TokenAttention(q, 0, nHeads, cache, 0.125f, 0, y, 0, alone);
        double one = seconds(() -> token.attend(tokens - 1), 10 * effort);
        // scores and weighted values, half of the square
        double flops = 2.0 * nHeads * headDim * tokens * (tokens + 1);
        out.printf(
                Locale.ROOT,
                "| %s | %.1f | %.1f | %.3f | %.1f |%n",
                kv,
                prompt * 1e3,
                flops / prompt / 1e9,
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

    /// The time of a run, as the fastest twentieth of samples knows it: `effort` seconds of samples of
    /// a millisecond, at least three. The very fastest would sometimes be a hiccup of the clock.
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
