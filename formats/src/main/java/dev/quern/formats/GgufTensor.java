package dev.quern.formats;

import dev.quern.core.Shape;

/// A tensor of a GGUF file; `shape` is outermost first (`[out, in]`), the reverse of the file's order. `offset`
/// counts from the start of the file.
public record GgufTensor(String name, Shape shape, GgufType type, long offset, long bytes) {
    /// The type's number in the file.
    public int typeId() {
        return type.id();
    }

    /// The type's name, for instance `Q4_K`.
    public String typeName() {
        return type.name();
    }
}
