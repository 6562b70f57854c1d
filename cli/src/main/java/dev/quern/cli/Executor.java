package dev.quern.cli;

import dev.quern.core.Nearest;
import dev.quern.core.UsageException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/// Which of the two executors runs a model.
enum Executor {
    /// The runtime's kernels on the packed weights, as `generate` runs them.
    JAVA,
    /// libtorch on the same weights dequantized to float32.
    TORCH;

    /// The executor so called; throws `UsageException` with the nearest one where there is none.
    static Executor named(String name) {
        List<String> known = Arrays.stream(values()).map(Executor::toString).toList();
        return Arrays.stream(values())
                .filter(e -> e.toString().equals(name))
                .findFirst()
                .orElseThrow(() -> unknown(name, known));
    }

    private static UsageException unknown(String name, List<String> known) {
        return Nearest.unknown("executor", name, known);
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
