package dev.quern.bench;

import dev.quern.core.ActivationScheme;
import dev.quern.core.PackedWeight;
import dev.quern.kernels.CodeLinear;
import dev.quern.kernels.InputCodes;
import dev.quern.kernels.Kernels;
import dev.quern.kernels.LinearKernel;
import dev.quern.kernels.PreparedLinear;
import dev.quern.kernels.Workers;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/// Activations times one weight, by kernel and encoding. `Benchmarks` fills in all pairs of `Kernels.ALL`.
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(value = 1, jvmArgsAppend = "--add-modules=jdk.incubator.vector")
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class LinearBenchmark {
    /// A kernel and an encoding that it takes: `block:Q4_K`.
    @Param("block:Q4_0")
    public String weight = "block:Q4_0";

    /// Output × input features.
    @Param({"576x576", "1536x576", "576x1536", "2048x2048", "49152x576"})
    public String shape = "576x576";

    /// 1 = decoding, more = a prompt.
    @Param({"1", "256"})
    public int tokens = 1;

    @Param("1")
    public int threads = 1;

    private static final ActivationScheme INPUTS = ActivationScheme.dynamic(8, true);

    private final InputCodes codes = new InputCodes();
    private Workers workers = Workers.of(1);
    private PreparedLinear linear = Kernels.prepare(SeededWeights.of("f32", 1, 1, 1));
    private float[] x = {};
    private float[] y = {};

    /// What JMH prints beside the runs per second: gigabytes of weights read and 10⁹ operations, per second.
    @State(Scope.Thread)
    @AuxCounters(AuxCounters.Type.OPERATIONS)
    public static class Rates {
        public double gigabytes;
        public double gigaflops;

        /// Zero before each iteration.
        @Setup(Level.Iteration)
        public void reset() {
            gigabytes = 0;
            gigaflops = 0;
        }
    }

    /// All pairs of a kernel and an encoding that it takes.
    static List<String> weights() {
        return Kernels.ALL.stream()
                .flatMap(kernel -> SeededWeights.names().stream()
                        .filter(name -> kernel.supports(SeededWeights.of(name, 1, 256, 1)))
                        .map(name -> kernel.name() + ":" + name))
                .toList();
    }

    /// Makes and prepares the weight.
    @Setup
    public void prepare() {
        String[] names = weight.split(":", 2);
        String[] sizes = shape.split("x", 2);
        PackedWeight packed = SeededWeights.of(names[1], Integer.parseInt(sizes[0]), Integer.parseInt(sizes[1]), 1);
        LinearKernel kernel = Kernels.ALL.stream()
                .filter(k -> k.name().equals(names[0]))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no kernel " + names[0]));
        linear = kernel.prepare(packed);
        x = SeededWeights.floats(Math.multiplyExact(tokens, linear.cols()), new Random(2));
        y = new float[Math.multiplyExact(tokens, linear.rows())];
        workers = Workers.of(threads);
    }

    /// Ends the threads.
    @TearDown
    public void close() {
        workers.close();
    }

    /// One product; by a weight of int8 rows one of integers, with the making of the inputs' codes.
    @Benchmark
    public float[] multiply(Rates rates) {
        if (linear instanceof CodeLinear integers) {
            codes.quantize(INPUTS, null, new int[0], x, 0, tokens, linear.cols(), workers);
            integers.multiply(codes, x, 0, y, 0, workers);
        } else {
            linear.multiply(x, 0, tokens, y, 0, workers);
        }
        rates.gigabytes += linear.weightBytes() * 1e-9;
        rates.gigaflops += 2e-9 * linear.rows() * linear.cols() * tokens;
        return y;
    }
}
