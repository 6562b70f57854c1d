package dev.quern.formats;

import dev.quern.core.Shape;

/// What a checkpoint file says about one of its tensors; `encoding` is the format's own word (`F16`, `Q4_K`).
public record StoredTensor(String name, String encoding, Shape shape, long bytes) {}
