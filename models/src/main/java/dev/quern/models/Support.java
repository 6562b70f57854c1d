package dev.quern.models;

import java.util.List;

/// Whether Quern runs and quantizes a model; `missing` says in a few words each what it lacks.
public record Support(List<String> missing) {
    public Support {
        missing = List.copyOf(missing);
    }

    public boolean supported() {
        return missing.isEmpty();
    }
}
