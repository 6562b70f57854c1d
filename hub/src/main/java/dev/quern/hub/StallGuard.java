package dev.quern.hub;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/// Closes a stream that has been silent for too long, so that a read that would wait for ever fails.
final class StallGuard implements AutoCloseable {
    private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().factory());
    private volatile long last = System.nanoTime();

    StallGuard(InputStream stream, Duration silence) {
        long nanos = silence.toNanos();
        clock.scheduleAtFixedRate(() -> check(stream, nanos), nanos / 4, nanos / 4, TimeUnit.NANOSECONDS);
    }

    /// Something came.
    void alive() {
        last = System.nanoTime();
    }

    private void check(InputStream stream, long nanos) {
        if (System.nanoTime() - last > nanos) {
            try {
                stream.close();
            } catch (IOException _) {
                // the reader hears of it
            }
        }
    }

    @Override
    public void close() {
        clock.shutdownNow();
    }
}
