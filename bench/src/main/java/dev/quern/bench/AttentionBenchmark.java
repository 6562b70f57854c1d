package dev.quern.bench;

import dev.quern.core.KvScheme;
import dev.quern.kernels.AttentionKernel;
import dev.quern.kernels.KvLayer;
import dev.quern.kernels.Workers;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/// Attention of the last tokens of a context of 2048: 9 heads on 3 kv heads of dimension 64.
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(value = 1, jvmArgsAppend = "--add-modules=jdk.incubator.vector")
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class AttentionBenchmark {
    private static final int CONTEXT = 2048;
    private static final int HEADS = 9;
    private static final int KV_HEADS = 3;
    private static final int DIM = 64;

    @Param({"1", "256", "2048"})
    public int tokens = 1;

    @Param("1")
    public int threads = 1;

    @Param({"32", "16"})
    public int kvBits = 32;

    private KvLayer cache = new KvLayer(KV_HEADS, DIM);
    private Workers workers = Workers.of(1);
    private float[] q = {};
    private float[] out = {};

    /// Fills the cache.
    @Setup
    public void prepare() {
        Random random = new Random(1);
        float[] k = SeededWeights.floats(CONTEXT * KV_HEADS * DIM, random);
        cache = new KvLayer(KV_HEADS, DIM, KvScheme.of(kvBits));
        cache.append(k, 0, k, 0, CONTEXT);
        q = SeededWeights.floats(tokens * HEADS * DIM, random);
        out = new float[q.length];
        workers = Workers.of(threads);
    }

    /// Ends the threads.
    @TearDown
    public void close() {
        workers.close();
    }

    /// One attention of all heads.
    @Benchmark
    public float[] attend(LinearBenchmark.Rates rates) {
        AttentionKernel.attend(q, 0, tokens, CONTEXT - tokens, HEADS, cache, 0.125f, 0, out, 0, workers);
        rates.gigabytes += cache.bytes() * 1e-9;
        rates.gigaflops += 4e-9 * HEADS * DIM * tokens * (CONTEXT - (tokens - 1) / 2.0);
        return out;
    }
}
