package dev.quern.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;

/// Indices of a book by panel, in one or two unsigned bytes, outside the heap: panels follow each other, so that one
/// stream of large pages is read.
record VectorIndices(MemorySegment memory, int bytes, long panelBytes) {
    /// Zeros: `count` to each of `panels` panels, of a book of `size`.
    static VectorIndices of(int panels, int count, int size) {
        int bytes = size <= 256 ? Byte.BYTES : Short.BYTES;
        long panelBytes = (long) count * bytes;
        return new VectorIndices(SystemMemory.allocate(Math.max(1, panels * panelBytes)), bytes, panelBytes);
    }

    /// Where a panel begins.
    long address(int panel) {
        return memory.address() + panel * panelBytes;
    }

    void set(int panel, int at, int index) {
        long to = panel * panelBytes + (long) at * bytes;
        if (bytes == 1) {
            memory.set(JAVA_BYTE, to, (byte) index);
        } else {
            memory.set(JAVA_SHORT, to, (short) index);
        }
    }

    int get(int panel, int at) {
        long from = panel * panelBytes + (long) at * bytes;
        return bytes == 1
                ? Byte.toUnsignedInt(memory.get(JAVA_BYTE, from))
                : Short.toUnsignedInt(memory.get(JAVA_SHORT, from));
    }

    /// `target[to + i] = stride · index at + i` for `count` of them.
    void widen(int panel, int at, int stride, int[] target, int to, int count) {
        long from = panel * panelBytes + (long) at * bytes;
        if (bytes == 1) {
            for (int i = 0; i < count; i++) {
                target[to + i] = (memory.get(JAVA_BYTE, from + i) & 0xFF) * stride;
            }
        } else {
            for (int i = 0; i < count; i++) {
                target[to + i] = (memory.get(JAVA_SHORT, from + 2L * i) & 0xFFFF) * stride;
            }
        }
    }
}
