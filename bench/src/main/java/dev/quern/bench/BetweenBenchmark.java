package dev.quern.bench;

import dev.quern.kernels.Elementwise;
import dev.quern.kernels.NormKernel;
import dev.quern.kernels.RopeKernel;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/// What runs between the matrix products, on one token's 1536 floats.
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(value = 1, jvmArgsAppend = "--add-modules=jdk.incubator.vector")
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class BetweenBenchmark {
    private static final int SIZE = 1536;
    private static final int DIM = 64;

    private final float[] a = SeededWeights.floats(SIZE, new Random(1));
    private final float[] b = SeededWeights.floats(SIZE, new Random(2));
    private final float[] cos = cosines();
    private final float[] sin = new float[DIM / 2];
    private final float[] y = new float[SIZE];

    private static float[] cosines() {
        float[] ones = new float[DIM / 2];
        Arrays.fill(ones, 1);
        return ones;
    }

    @Benchmark
    public float[] add() {
        Elementwise.add(a, 0, b, 0, y, 0, SIZE);
        return y;
    }

    @Benchmark
    public float[] siluGate() {
        Elementwise.siluGate(a, 0, b, 0, y, 0, SIZE);
        return y;
    }

    @Benchmark
    public float[] geluTanhGate() {
        Elementwise.geluTanhGate(a, 0, b, 0, y, 0, SIZE);
        return y;
    }

    @Benchmark
    public float[] softmax() {
        System.arraycopy(a, 0, y, 0, SIZE);
        Elementwise.softmax(y, 0, SIZE);
        return y;
    }

    @Benchmark
    public float[] rmsNorm() {
        NormKernel.rmsNorm(a, 0, 1, b, 0, 1e-5f, y, 0);
        return y;
    }

    /// An angle of 0 leaves the vector as it is: the same work each time.
    @Benchmark
    public float[] rope() {
        RopeKernel.apply(a, 0, 1, SIZE / DIM, DIM, cos, sin, 0);
        return a;
    }
}
