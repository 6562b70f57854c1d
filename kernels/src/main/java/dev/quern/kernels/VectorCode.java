package dev.quern.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/// The books and indices of a `VectorRun` as its machine code reads them: books outside the heap at a multiple of 64
/// bytes, so that no centroid lies in two lines of the cache, in float16 where that is exact and keeps them nearer.
record VectorCode(
        VectorProgram program,
        VectorIndices indices,
        MemorySegment book,
        @Nullable VectorIndices seconds,
        MemorySegment secondBook) {
    /// Places of a turn of the loop, where they divide a run's: one request for memory serves them.
    private static final int PLACES = 4;

    /// Bytes of float32 that the nearest cache holds beside what streams through it.
    private static final int NEAR = 1 << 15;

    /// For runs of `places`. `second` and its indices may be missing.
    static VectorCode of(
            int length,
            int lanes,
            int slots,
            int places,
            float[] book,
            float @Nullable [] second,
            VectorIndices indices,
            @Nullable VectorIndices seconds) {
        long floats = book.length + (second == null ? 0 : second.length);
        boolean halves = floats * Float.BYTES > NEAR && exact(book) && (second == null || exact(second));
        int secondBytes = seconds == null ? 0 : seconds.bytes();
        return new VectorCode(
                VectorProgram.of(new VectorProgram.Shape(
                        length, lanes, slots, indices.bytes(), secondBytes, halves, places % PLACES == 0 ? PLACES : 1)),
                indices,
                copy(book, halves),
                seconds,
                second == null ? MemorySegment.NULL : copy(second, halves));
    }

    /// Adds the product of `places` inputs at address `x` to 64 floats at `y`. Nothing is checked.
    void dot(int panel, long x, int places, long y) {
        if (places > 0) {
            long second = seconds == null ? 0 : seconds.address(panel);
            program.dot(indices.address(panel), x, y, places, book.address(), second, secondBook.address());
        }
    }

    /// What a token reads beside the indices.
    long bookBytes() {
        return book.byteSize() + secondBook.byteSize();
    }

    private static boolean exact(float[] values) {
        for (float value : values) {
            if (Float.float16ToFloat(Float.floatToFloat16(value)) != value) {
                return false;
            }
        }
        return true;
    }

    private static MemorySegment copy(float[] values, boolean halves) {
        MemorySegment target = SystemMemory.allocate((long) values.length * (halves ? Short.BYTES : Float.BYTES));
        for (int i = 0; i < values.length; i++) {
            if (halves) {
                target.setAtIndex(JAVA_SHORT, i, Float.floatToFloat16(values[i]));
            } else {
                target.setAtIndex(JAVA_FLOAT, i, values[i]);
            }
        }
        return target;
    }
}
