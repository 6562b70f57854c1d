package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.quern.core.BlockType;
import dev.quern.core.KvScheme;
import dev.quern.eval.SyntheticModel;
import dev.quern.kernels.Workers;
import dev.quern.models.Network;
import dev.quern.models.WeightSource;
import dev.quern.runtime.Model;
import dev.quern.runtime.Session;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// A token takes no memory of the heap once the compiler has settled, in any of the kernels: no pause for collecting
/// it.
class DecodeAllocationTest {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int TOKENS = 64;
    private static final long PATIENCE_NANOS = 60_000_000_000L;

    static Stream<String> encodings() {
        return Stream.concat(
                Arrays.stream(BlockType.values()).map(type -> type.name().toLowerCase(Locale.ROOT)),
                Stream.of(
                        "gptq-2",
                        "gptq-3",
                        "gptq-4",
                        "gptq-6",
                        "gptq-8",
                        "bf16",
                        "f16",
                        "f32",
                        "int8",
                        "vptq-v4-k256",
                        "vptq-v8-k4096",
                        "vptq-v6-k256",
                        "vptq-v4-k64-64"));
    }

    @ParameterizedTest
    @MethodSource("encodings")
    void aTokenAllocatesNothingAfterWarmUp(String encoding) {
        Network network = SyntheticModel.llama(256, 2, 512, 4, 2, 512);
        assertNothingIsAllocated(network, InputSources.withFloatTable(network, encoding));
    }

    @Test
    void norWhereTheCacheIsFloat16() {
        Network network = SyntheticModel.llama(256, 2, 512, 4, 2, 512);
        assertNothingIsAllocated(
                network, InputSources.withFloatTable(network, "q8_0").withKv(KvScheme.HALF));
    }

    /// Sizes with an odd factor, for the transforms.
    private static final Network ODD = SyntheticModel.llama(320, 2, 480, 4, 2, 512);

    static Stream<Named<WeightSource>> inputs() {
        return InputSources.of(ODD).entrySet().stream().map(e -> Named.of(e.getKey(), e.getValue()));
    }

    @ParameterizedTest
    @MethodSource("inputs")
    void norDoesWhatHappensAroundTheProducts(WeightSource source) {
        assertNothingIsAllocated(ODD, source);
    }

    private static void assertNothingIsAllocated(Network network, WeightSource source) {
        try (Workers workers = Workers.of(2)) {
            Session session = new Session(new Model(network, source, workers));
            session.prefill(new int[] {1, 2, 3, 4, 5, 6, 7, 8});
            long until = System.nanoTime() + PATIENCE_NANOS;
            long bytes;
            do {
                measure(session, TOKENS);
                long none = measure(session, 0);
                bytes = measure(session, TOKENS) - none;
            } while (bytes != 0 && System.nanoTime() < until);
            assertThat(bytes).as("bytes for %d tokens", TOKENS).isZero();
        }
    }

    private static long measure(Session session, int tokens) {
        session.truncate(8);
        long before = allocated();
        for (int i = 0; i < tokens; i++) {
            session.decode(i + 10);
        }
        return allocated() - before;
    }

    /// By this thread and the crew.
    private static long allocated() {
        long sum = THREADS.getCurrentThreadAllocatedBytes();
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().startsWith("quern-worker")) {
                sum += THREADS.getThreadAllocatedBytes(thread.threadId());
            }
        }
        return sum;
    }
}
