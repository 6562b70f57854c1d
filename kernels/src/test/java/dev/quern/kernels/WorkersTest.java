package dev.quern.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class WorkersTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7})
    void everyTaskRunsExactlyOnce(int threads) {
        try (Workers workers = Workers.of(threads)) {
            for (int tasks : new int[] {0, 1, 2, 3, 6, 7, 100}) {
                AtomicIntegerArray runs = new AtomicIntegerArray(tasks);
                for (int round = 0; round < 50; round++) {
                    workers.run(tasks, runs::incrementAndGet);
                }
                for (int task = 0; task < tasks; task++) {
                    assertThat(runs.get(task)).isEqualTo(50);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7})
    void rangesCoverEveryItemOnceAndBeginAtMultiplesOfTheGrain(int threads) {
        try (Workers workers = Workers.of(threads)) {
            for (int n : new int[] {0, 1, 5, 64, 65, 1000}) {
                for (int grain : new int[] {1, 6, 64}) {
                    int[] seen = new int[n];
                    workers.ranges(n, grain, (from, to) -> {
                        assertThat(from % grain).isZero();
                        for (int i = from; i < to; i++) {
                            seen[i]++;
                        }
                    });
                    assertThat(Arrays.stream(seen).allMatch(count -> count == 1))
                            .isTrue();
                }
            }
        }
    }

    @Test
    void theFirstFailureByTaskOrderReachesTheCallerAndTheCrewGoesOn() {
        try (Workers workers = Workers.of(3)) {
            for (int round = 0; round < 20; round++) {
                assertThatThrownBy(() -> workers.run(3, task -> {
                            throw new IllegalArgumentException("task " + task);
                        }))
                        .hasMessage("task 0")
                        .satisfies(e -> assertThat(e.getSuppressed()).hasSize(2));
                AtomicIntegerArray runs = new AtomicIntegerArray(9);
                workers.run(9, runs::incrementAndGet);
                assertThat(runs.toString()).isEqualTo("[1, 1, 1, 1, 1, 1, 1, 1, 1]");
            }
        }
    }

    @Test
    void aLoopWithinALoopIsRefused() {
        try (Workers workers = Workers.of(2)) {
            assertThatThrownBy(() -> workers.run(4, task -> workers.run(2, inner -> {})))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("inside another");
        }
    }

    @Test
    void closedWorkersRefuseWorkAndTheirThreadsEnd() throws InterruptedException {
        Workers workers = Workers.of(4);
        Thread[] crew = crewOf(workers);
        workers.close();
        for (Thread member : crew) {
            member.join(10_000);
            assertThat(member.isAlive()).isFalse();
        }
        assertThatThrownBy(() -> workers.run(2, task -> {})).hasMessageContaining("closed");
    }

    @Test
    void idleThreadsUseNoProcessorTime() throws InterruptedException {
        ThreadMXBean clock = ManagementFactory.getThreadMXBean();
        try (Workers workers = Workers.of(3)) {
            Thread[] crew = crewOf(workers);
            // the last spin and the way to the park
            Thread.sleep(100);
            long[] before = times(clock, crew);
            Thread.sleep(300);
            long[] after = times(clock, crew);
            for (int i = 0; i < crew.length; i++) {
                assertThat(after[i] - before[i]).isLessThan(5_000_000);
            }
        }
    }

    @Test
    void twoCallersTakeTurns() throws InterruptedException {
        try (Workers workers = Workers.of(2)) {
            AtomicIntegerArray runs = new AtomicIntegerArray(8);
            Thread other = new Thread(() -> {
                for (int round = 0; round < 500; round++) {
                    workers.run(8, runs::incrementAndGet);
                }
            });
            other.start();
            for (int round = 0; round < 500; round++) {
                workers.run(8, runs::incrementAndGet);
            }
            other.join();
            for (int task = 0; task < 8; task++) {
                assertThat(runs.get(task)).isEqualTo(1000);
            }
        }
    }

    private static long[] times(ThreadMXBean clock, Thread[] threads) {
        return Arrays.stream(threads)
                .mapToLong(thread -> clock.getThreadCpuTime(thread.threadId()))
                .toArray();
    }

    private static Thread[] crewOf(Workers workers) {
        Thread[] crew = new Thread[workers.threads()];
        workers.run(crew.length, task -> crew[task] = Thread.currentThread());
        return Arrays.copyOfRange(crew, 1, crew.length);
    }
}
