package dev.quern.formats;

import java.lang.foreign.MemorySegment;
import java.util.AbstractList;
import java.util.Objects;
import java.util.RandomAccess;

/// An array of metadata numbers, kept as its bytes; elements are Long or Double. Read-only.
final class GgufNumbers extends AbstractList<Number> implements RandomAccess {
    private final GgufValue type;
    private final int size;
    private final MemorySegment data;

    GgufNumbers(GgufValue type, int size, byte[] bytes) {
        this.type = type;
        this.size = size;
        this.data = MemorySegment.ofArray(bytes);
    }

    GgufValue type() {
        return type;
    }

    MemorySegment data() {
        return data;
    }

    @Override
    public Number get(int index) {
        return type.read(data, (long) Objects.checkIndex(index, size) * type.bytes());
    }

    @Override
    public int size() {
        return size;
    }
}
