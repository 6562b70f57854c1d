package dev.quern.kernels;

import dev.quern.core.Codebook;
import dev.quern.core.VectorWeight;

/// What a `LookupProgram` is written for, and where indices and tables lie for it: vectors of `length`;
/// centroids of both stages, 0 for no second one; levels of the inputs' codes.
///
/// A tile is 16 vectors. In a block of 32 places it has a byte for each index of the first stage: 64
/// bytes hold four places, the four of a vector side by side. Then a bit for each where there are more
/// than 256 centroids, 8 bytes for each 64 indices; then the second stage's bytes.
record LookupShape(int length, int size, int residual, int levels) {
    /// Vectors of a tile, a lane each.
    static final int VECTORS = 16;

    /// Steps of four places that make a block.
    static final int STEPS = PanelFormat.BLOCK / 4;

    static final int VECTOR_BYTES = 64;

    /// Centroids that a byte and a bit can name, and a byte alone.
    private static final int MOST = 512;

    private static final int MOST_SECONDS = 256;

    /// Components that go together at most: each has two sums.
    private static final int TOGETHER = 4;

    /// Registers for tables.
    private static final int TABLES = 16;

    static LookupShape of(VectorWeight weight, int levels) {
        Codebook residual = weight.residual();
        int second = residual == null ? 0 : residual.size();
        return new LookupShape(weight.main().length(), weight.main().size(), second, levels);
    }

    /// True where a byte names each index, for the first stage with a ninth bit.
    boolean fits() {
        return size <= MOST && residual <= MOST_SECONDS;
    }

    int stages() {
        return residual == 0 ? 1 : 2;
    }

    int centroids(int stage) {
        return stage == 0 ? size : residual;
    }

    /// Registers of 64 bytes that hold one byte of every centroid.
    int tables(int stage) {
        return Math.max(1, centroids(stage) / VECTOR_BYTES);
    }

    int tileRows() {
        return VECTORS * length;
    }

    /// Bytes of the indices of a tile in a block.
    int blockBytes() {
        return stageBytes() * stages() + ninthBytes();
    }

    int stageAt(int stage) {
        return stage == 0 ? 0 : stageBytes() + ninthBytes();
    }

    private static int stageBytes() {
        return STEPS * VECTOR_BYTES;
    }

    /// Where the ninth bits lie, 8 bytes a step.
    int ninthAt() {
        return stageBytes();
    }

    private int ninthBytes() {
        return size > 256 ? VECTOR_BYTES : 0;
    }

    /// Where the tables of a component lie: of high bytes, then of low ones.
    int tableAt(int stage, int component) {
        int first = stage == 0 ? 0 : length * 2 * tables(0);
        return (first + component * 2 * tables(stage)) * VECTOR_BYTES;
    }

    /// Where the floats `scale'` and `middle` of each component lie, behind them the offsets of a tile's outputs.
    int scalesAt() {
        return length * 2 * (tables(0) + (residual == 0 ? 0 : tables(1))) * VECTOR_BYTES;
    }

    int offsetsAt() {
        return (scalesAt() + length * 2 * Float.BYTES + VECTOR_BYTES - 1) / VECTOR_BYTES * VECTOR_BYTES;
    }

    int tableBytes() {
        return offsetsAt() + VECTOR_BYTES;
    }

    /// Components whose tables of one byte find room together.
    int together() {
        return Math.min(TOGETHER, TABLES / Math.max(tables(0), residual == 0 ? 0 : tables(1)));
    }
}
