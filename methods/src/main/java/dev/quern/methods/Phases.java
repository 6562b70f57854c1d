package dev.quern.methods;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/// Tells where a run's time goes: seconds of wall time under the name of what was being done.
///
/// Belongs to the thread that drives a run and lets others help, so parts add up to the whole whatever the number of
/// threads. A phase within a phase takes its time from the outer one; what is in none is `OTHER`. Costs two looks at
/// the clock a phase: for work of a millisecond and more.
public final class Phases {
    /// The name of time that no phase claims.
    public static final String OTHER = "other";

    /// Wall time in one phase, all of its turns together.
    public record Phase(String name, double seconds) {}

    private final Thread owner = Thread.currentThread();
    private final Map<String, Long> nanos = new LinkedHashMap<>();
    private String current = OTHER;
    private long since = System.nanoTime();

    /// Does `work` in the phase `name`.
    public void run(String name, Runnable work) {
        call(name, () -> {
            work.run();
            return name;
        });
    }

    /// What `work` gives, done in the phase `name`. Throws what it throws; `IllegalStateException` on another thread.
    public <T> T call(String name, Supplier<T> work) {
        if (Thread.currentThread() != owner) {
            throw new IllegalStateException(name + ": phases are timed on the thread that drives the run");
        }
        String outer = current;
        enter(name);
        try {
            return work.get();
        } finally {
            enter(outer);
        }
    }

    private void enter(String name) {
        long now = System.nanoTime();
        nanos.merge(current, now - since, Long::sum);
        current = name;
        since = now;
    }

    /// All phases up to now, the longest first and `OTHER` last.
    public List<Phase> all() {
        enter(current);
        List<Phase> phases = new ArrayList<>();
        nanos.forEach((name, taken) -> phases.add(new Phase(name, taken / 1e9)));
        phases.sort(Comparator.comparing((Phase phase) -> phase.name().equals(OTHER))
                .thenComparing(Comparator.comparingDouble(Phase::seconds).reversed()));
        return List.copyOf(phases);
    }

    /// Seconds of all phases together: since this was made.
    public static double total(List<Phase> phases) {
        return phases.stream().mapToDouble(Phase::seconds).sum();
    }
}
