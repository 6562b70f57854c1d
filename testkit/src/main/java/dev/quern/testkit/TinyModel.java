package dev.quern.testkit;

import com.fasterxml.jackson.databind.node.ObjectNode;

/// A model small enough for a test: its name and its config.json. `TinyModels` fills it with seeded weights.
public record TinyModel(String name, ObjectNode config) {
    @Override
    public String toString() {
        return name;
    }

    /// The same with one more key in its config.json, or another value of it; `json` is the value's text.
    TinyModel with(String key, String json) {
        ObjectNode changed = config.deepCopy();
        changed.set(key, TinyConfigs.json(json));
        return new TinyModel(name, changed);
    }

    /// The same under another name.
    TinyModel named(String other) {
        return new TinyModel(other, config);
    }
}
