package dev.quern.models;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/// Memory for one tensor at a time: what was taken before is freed when the next is taken. Other threads may fill it.
final class Scratch implements AutoCloseable {
    private @Nullable Arena arena;

    /// Zeroed memory that lives until the next call or `close`.
    @SuppressWarnings("MustBeClosed") // closed by the next take or by close
    MemorySegment take(long bytes) {
        close();
        Arena next = Arena.ofShared();
        arena = next;
        return next.allocate(bytes, Long.BYTES);
    }

    @Override
    public void close() {
        if (arena != null) {
            arena.close();
            arena = null;
        }
    }
}
