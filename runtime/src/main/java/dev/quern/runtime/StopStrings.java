package dev.quern.runtime;

import dev.quern.core.UsageException;
import java.util.List;

/// Watches streamed text for stop strings and holds back what may become one. For one thread.
final class StopStrings {
    private final List<String> stops;
    private String held = "";
    private boolean hit;

    StopStrings(List<String> stops) {
        if (stops.contains("")) {
            throw new UsageException("--stop \"\": a stop string needs at least one character");
        }
        this.stops = List.copyOf(stops);
    }

    /// The text that is certain to come before any stop string.
    String next(String piece) {
        if (hit) {
            return "";
        }
        String text = held + piece;
        int end =
                stops.stream().mapToInt(text::indexOf).filter(i -> i >= 0).min().orElse(-1);
        if (end >= 0) {
            hit = true;
            held = "";
            return text.substring(0, end);
        }
        int safe = 0;
        while (safe < text.length() && !mayStop(text.substring(safe))) {
            safe++;
        }
        held = text.substring(safe);
        return text.substring(0, safe);
    }

    /// True once a stop string was seen.
    boolean hit() {
        return hit;
    }

    /// What is held back at the end of the text.
    String flush() {
        String rest = held;
        held = "";
        return rest;
    }

    private boolean mayStop(String tail) {
        return stops.stream().anyMatch(s -> s.startsWith(tail));
    }
}
