package dev.quern.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;

/// The numbers of small books as bytes, outside the heap, as `LookupShape` lays them out: for each
/// component of a vector `middle + unit · (256 · high + low − 32768)`. Both stages share the unit, so
/// that their numbers add up.
final class LookupTables {
    private static final int MIDDLE = 1 << 15;

    private final LookupShape shape;
    private final MemorySegment memory;

    /// From books of centroids `stride` floats apart.
    LookupTables(LookupShape shape, float[][] books, int stride) {
        this.shape = shape;
        this.memory = SystemMemory.allocate(shape.tableBytes());
        for (int c = 0; c < shape.length(); c++) {
            component(c, books, stride);
        }
        for (int lane = 0; lane < LookupShape.VECTORS; lane++) {
            memory.setAtIndex(JAVA_INT, shape.offsetsAt() / 4 + lane, lane * shape.length() * Float.BYTES);
        }
    }

    private void component(int component, float[][] books, int stride) {
        double unit = 0;
        double[] least = new double[books.length];
        for (int stage = 0; stage < books.length; stage++) {
            double most = Double.NEGATIVE_INFINITY;
            least[stage] = Double.POSITIVE_INFINITY;
            for (int i = component; i < books[stage].length; i += stride) {
                least[stage] = Math.min(least[stage], books[stage][i]);
                most = Math.max(most, books[stage][i]);
            }
            unit = Math.max(unit, (most - least[stage]) / 65535);
        }
        double middle = 0;
        for (int stage = 0; stage < books.length; stage++) {
            for (int i = 0; i * stride < books[stage].length; i++) {
                double above = books[stage][i * stride + component] - least[stage];
                int number = unit == 0 ? MIDDLE : (int) Math.rint(above / unit);
                long at = shape.tableAt(stage, component) + i;
                memory.set(JAVA_BYTE, at, (byte) (number >> 8));
                memory.set(JAVA_BYTE, at + lowAt(stage), (byte) number);
            }
            middle += least[stage] + MIDDLE * unit;
        }
        int at = shape.scalesAt() / 4 + 2 * component;
        memory.setAtIndex(JAVA_FLOAT, at, (float) (shape.levels() == 2 ? 256 * unit : unit));
        memory.setAtIndex(JAVA_FLOAT, at + 1, (float) middle);
    }

    /// From a high byte to its low one.
    private long lowAt(int stage) {
        return (long) LookupShape.VECTOR_BYTES * shape.tables(stage);
    }

    /// Where they begin. The memory lives as long as this object is reachable.
    long address() {
        return memory.address();
    }

    /// `256 · high + low`.
    int number(int stage, int component, int index) {
        int at = shape.tableAt(stage, component) + index;
        int high = memory.get(JAVA_BYTE, at) & 0xFF;
        return high << 8 | memory.get(JAVA_BYTE, at + lowAt(stage)) & 0xFF;
    }

    /// What a unit of a product counts: that of a number, with inputs of two levels 256 times it.
    float scale(int component) {
        return memory.getAtIndex(JAVA_FLOAT, shape.scalesAt() / 4 + 2 * component);
    }

    /// What the number 32768 stands for, in both stages together.
    float middle(int component) {
        return memory.getAtIndex(JAVA_FLOAT, shape.scalesAt() / 4 + 2 * component + 1);
    }
}
