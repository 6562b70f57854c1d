package dev.quern.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.quern.core.Codebook;
import dev.quern.core.VectorWeight;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/// A codebook weight as `LookupProgram` reads it, outside the heap: indices in tiles of 16 vectors (`LookupShape`), and
/// tables. Vectors past the end and places past the end name centroid 0, and meet inputs of 0.
final class LookupPanels implements Panels {
    private static final VectorSpecies<Float> FOUR = FloatVector.SPECIES_128;
    private static final int BLOCK = PanelFormat.BLOCK;
    private static final int VECTORS = LookupShape.VECTORS;

    private final int rows;
    private final int cols;
    private final int length;
    private final InputOrder order;
    private final LookupShape shape;
    /// Centroids for prompts, filled up to whole fours; sums of both stages where there are few.
    private final float[] main;

    private final float @Nullable [] second;
    private final int stride;
    private final MemorySegment indices;
    private final LookupTables tables;

    private LookupPanels(VectorWeight weight, LookupShape shape) {
        this.rows = weight.rows();
        this.cols = weight.cols();
        this.length = shape.length();
        this.order = InputOrder.plain(cols);
        this.shape = shape;
        this.stride = (length + 3) / 4 * 4;
        Codebook residual = weight.residual();
        float[] first = PaddedBook.of(weight.main(), 0, stride);
        float[] other = residual == null ? new float[0] : PaddedBook.of(residual, 0, stride);
        boolean folded = residual != null && PaddedBook.foldsInto(first, other, stride);
        this.main = folded ? PaddedBook.sums(first, other, stride) : first;
        this.second = folded || residual == null ? null : other;
        this.indices = SystemMemory.allocate((long) tiles() * tileBytes());
        float[][] books = residual == null ? new float[][] {first} : new float[][] {first, other};
        this.tables = new LookupTables(shape, books, stride);
    }

    static LookupPanels of(VectorWeight weight, LookupShape shape) {
        LookupPanels panels = new LookupPanels(weight, shape);
        int[] codes = new int[weight.cols()];
        for (int n = 0; n < weight.vectors(); n++) {
            weight.unpackIndices(n, codes, 0);
            for (int place = 0; place < codes.length; place++) {
                panels.set(n, place, codes[place], weight.main().bits());
            }
        }
        return panels;
    }

    @Override
    public int rows() {
        return rows;
    }

    @Override
    public int cols() {
        return cols;
    }

    @Override
    public InputOrder order() {
        return order;
    }

    @Override
    public long bytes() {
        return indices.byteSize() + shape.tableBytes();
    }

    int blocks() {
        return Math.ceilDiv(cols, BLOCK);
    }

    int tiles() {
        return Math.ceilDiv(rows, shape.tileRows());
    }

    /// Where tile `tile` begins. The memory lives as long as this object is reachable.
    long address(int tile) {
        return indices.address() + tile * tileBytes();
    }

    LookupTables tables() {
        return tables;
    }

    /// The index of vector `n` at a place.
    int index(int stage, int n, int place) {
        long block = block(n, place);
        int low = indices.get(JAVA_BYTE, block + shape.stageAt(stage) + at(n, place)) & 0xFF;
        return stage == 0 && shape.size() > 256 ? low | ninth(block, at(n, place)) << 8 : low;
    }

    @Override
    public void dot(int panel, float[] x, int xAt, float[] sums, int sumsAt, float[] y, int yAt, Scratch scratch) {
        float[] tile = scratch.floats(Scratch.TILE, Math.multiplyExact(cols, ROWS));
        unpack(panel, tile, scratch);
        Product.multiply(x, xAt, cols, 1, tile, 0, ROWS, ROWS, cols, y, yAt, ROWS, false);
    }

    @Override
    public void unpack(int panel, float[] tile, Scratch scratch) {
        int first = panel * ROWS / length;
        int last = Math.min((panel + 1) * ROWS - 1, rows - 1) / length;
        byte[] codes = scratch.bytes(shape.blockBytes());
        int[] offsets = scratch.ints(Scratch.OFFSETS, BLOCK * VECTORS);
        int[] seconds = scratch.ints(Scratch.SECONDS, BLOCK * VECTORS);
        for (int n = first; n <= last; n = (n / VECTORS + 1) * VECTORS) {
            int to = Math.min(last + 1, (n / VECTORS + 1) * VECTORS);
            for (int place = 0; place < cols; place += BLOCK) {
                MemorySegment.copy(indices, JAVA_BYTE, block(n, place), codes, 0, shape.blockBytes());
                offsets(codes, 0, stride, offsets);
                ninths(codes, offsets);
                if (second != null) {
                    offsets(codes, shape.stageAt(1), stride, seconds);
                } else if (shape.residual() > 0) {
                    offsets(codes, shape.stageAt(1), stride * shape.size(), seconds);
                    for (int i = 0; i < BLOCK * VECTORS; i++) {
                        offsets[i] += seconds[i];
                    }
                }
                int some = Math.min(BLOCK, cols - place);
                copy(offsets, seconds, n % VECTORS, n % VECTORS + to - n, some, tile, place, n * length - panel * ROWS);
            }
        }
    }

    /// `offsets[16 · place + n] = stride · byte`, of the indices of a block that begin at `at`.
    private static void offsets(byte[] codes, int at, int stride, int[] offsets) {
        for (int i = 0; i < BLOCK; i++) {
            int from = at + i / 4 * 64 + i % 4;
            for (int n = 0; n < VECTORS; n++) {
                offsets[i * VECTORS + n] = (codes[from + 4 * n] & 0xFF) * stride;
            }
        }
    }

    private void ninths(byte[] codes, int[] offsets) {
        if (shape.size() <= 256) {
            return;
        }
        for (int i = 0; i < BLOCK; i++) {
            for (int n = 0; n < VECTORS; n++) {
                int bit = i / 4 * 64 + n * 4 + i % 4;
                offsets[i * VECTORS + n] += (codes[shape.ninthAt() + bit / 8] >> bit % 8 & 1) * 256 * stride;
            }
        }
    }

    /// Writes the vectors `from … to − 1` of a tile, the first of which begins in row `row`, at `some` places.
    private void copy(int[] offsets, int[] seconds, int from, int to, int some, float[] tile, int place, int row) {
        boolean plain = stride == 4 && second == null;
        for (int i = 0; i < some; i++) {
            int at = (place + i) * ROWS;
            int entry = i * VECTORS;
            int begin = row;
            for (int n = from; n < to; n++, begin += length) {
                // what fills a vector up is overwritten by the next one
                boolean whole = begin >= 0 && begin + stride <= ROWS;
                if (whole && plain) {
                    FloatVector.fromArray(FOUR, main, offsets[entry + n]).intoArray(tile, at + begin);
                } else if (whole) {
                    copyFours(offsets[entry + n], seconds[entry + n], tile, at + begin);
                } else {
                    copy(offsets[entry + n], seconds[entry + n], tile, at, begin);
                }
            }
        }
    }

    private void copyFours(int from, int other, float[] tile, int to) {
        for (int t = 0; t < stride; t += 4) {
            FloatVector value = FloatVector.fromArray(FOUR, main, from + t);
            if (second != null) {
                value = value.add(FloatVector.fromArray(FOUR, second, other + t));
            }
            value.intoArray(tile, to + t);
        }
    }

    private void copy(int from, int other, float[] tile, int to, int row) {
        for (int t = Math.max(0, -row); t < Math.min(length, ROWS - row); t++) {
            float value = main[from + t];
            tile[to + row + t] = second == null ? value : value + second[other + t];
        }
    }

    private long tileBytes() {
        return (long) blocks() * shape.blockBytes();
    }

    private long block(int n, int place) {
        return n / VECTORS * tileBytes() + (long) (place / BLOCK) * shape.blockBytes();
    }

    private static int at(int n, int place) {
        return place % BLOCK / 4 * 64 + n % VECTORS * 4 + place % 4;
    }

    private int ninth(long block, int at) {
        long bits = indices.get(JAVA_LONG, block + shape.ninthAt() + at / 64 * Long.BYTES);
        return (int) (bits >>> at % 64) & 1;
    }

    private void set(int n, int place, int code, int bits) {
        long block = block(n, place);
        int at = at(n, place);
        int index = code & (1 << bits) - 1;
        indices.set(JAVA_BYTE, block + at, (byte) index);
        if (index > 255) {
            long word = block + shape.ninthAt() + at / 64 * Long.BYTES;
            indices.set(JAVA_LONG, word, indices.get(JAVA_LONG, word) | 1L << at % 64);
        }
        if (shape.residual() > 0) {
            indices.set(JAVA_BYTE, block + shape.stageAt(1) + at, (byte) (code >>> bits));
        }
    }
}
