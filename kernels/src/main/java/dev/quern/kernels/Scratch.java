package dev.quern.kernels;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/// Reusable arrays of one thread, by slot; they only grow, so steady work allocates nothing.
///
/// What an array holds between uses is undefined. One kernel at a time uses a thread's scratch: kernels do not nest.
final class Scratch {
    static final int GATHERED = 0;
    static final int SUMS = 1;
    static final int PART = 2;
    static final int TILE = 3;
    static final int SCORES = 4;
    static final int OUTPUTS = 5;
    static final int MAXIMA = 6;
    static final int TOTALS = 7;
    static final int PARTS = 8;
    static final int GROUP_SCALE = 9;
    static final int GROUP_SHIFT = 10;

    static final int REST = 11;
    static final int OUTLIERS = 12;
    static final int PRODUCT = 13;
    static final int KEYS = 14;
    static final int VALUES = 15;
    static final int QUERIES = 16;
    static final int WEIGHTED = 17;

    static final int TOTAL = 0;
    static final int OFFSETS = 1;
    static final int SECONDS = 2;
    static final int WORDS = 3;

    private final InputBlocks inputBlocks = new InputBlocks();
    private MemorySegment outside = MemorySegment.NULL;

    private final float[][] slots = new float[18][0];
    private final @Nullable MemorySegment[] memories = new MemorySegment[slots.length];
    private short[] shorts = new short[0];
    private byte[] bytes = new byte[0];
    private final int[][] intSlots = new int[4][0];

    /// Activations as codes for machine code.
    InputBlocks inputBlocks() {
        return inputBlocks;
    }

    /// At least `bytes` outside the heap; one use at a time.
    MemorySegment outside(long bytes) {
        if (outside.byteSize() < bytes) {
            outside = SystemMemory.allocate(bytes);
        }
        return outside;
    }

    /// An array of at least `size` shorts; one use at a time.
    short[] shorts(int size) {
        if (shorts.length < size) {
            shorts = new short[size];
        }
        return shorts;
    }

    /// An array of at least `size` bytes; one use at a time.
    byte[] bytes(int size) {
        if (bytes.length < size) {
            bytes = new byte[size];
        }
        return bytes;
    }

    /// An array of at least `size` ints.
    int[] ints(int slot, int size) {
        if (intSlots[slot].length < size) {
            intSlots[slot] = new int[size];
        }
        return intSlots[slot];
    }

    /// An array of at least `size` floats.
    float[] floats(int slot, int size) {
        if (slots[slot].length < size) {
            slots[slot] = new float[size];
            memories[slot] = null;
        }
        return slots[slot];
    }

    /// The array of `floats` as machine code takes it.
    MemorySegment memory(int slot) {
        MemorySegment memory = memories[slot];
        if (memory == null) {
            memory = MemorySegment.ofArray(slots[slot]);
            memories[slot] = memory;
        }
        return memory;
    }
}
