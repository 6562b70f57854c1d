package dev.quern.methods;

import java.util.function.IntConsumer;

/// Runs `body` for each of `tasks` numbers and returns when all are done; an exception in one is thrown here.
///
/// Which thread runs what must not matter to a result: bodies write to places of their own.
@FunctionalInterface
public interface Parallel {
    /// On the caller's thread, in order.
    Parallel SERIAL = (tasks, body) -> {
        for (int i = 0; i < tasks; i++) {
            body.accept(i);
        }
    };

    void run(int tasks, IntConsumer body);
}
