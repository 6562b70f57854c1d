package dev.quern.kernels;

import dev.quern.core.Codebook;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// A run of places that share a book, cut into panels of 64 rows.
///
/// A centroid is padded to whole units of 4 or 8 lanes, and each index of a panel expands to the
/// offsets of its units in the book. A panel holds every vector that touches its 64 rows, so lengths
/// that do not divide 64 store a few indices twice. Indices lie in blocks of eight slots, place by
/// place: `indices[p][(slot / 8 · count + place) · 8 + slot % 8]`.
final class VectorRun {
    private static final int ROWS = Panels.ROWS;

    /// Places whose offsets are expanded at a time: with 16 units each they take 4 KiB.
    private static final int STEP = 64;

    private final int from;
    private final int count;
    private final int length;
    private final int lanes;
    private final int units;
    private final int slots;
    private final int vectors;
    private final int low;
    private final float[] book;
    private final float @Nullable [] second;
    private final int panels;
    private final VectorIndices indices;
    private final @Nullable VectorIndices seconds;

    /// Null where a centroid takes more than one unit, or the machine runs no code of ours.
    private final @Nullable VectorCode code;

    /// Indices 0, to be set.
    VectorRun(int rows, int from, int count, Codebook main, @Nullable Codebook residual, int group) {
        this.from = from;
        this.count = count;
        this.length = main.length();
        // 8 lanes where they are all used and the machine has them
        this.lanes = VectorWidth.BITS >= 256 && length % 8 == 0 ? 8 : 4;
        this.units = Math.ceilDiv(length, lanes);
        this.vectors = Math.ceilDiv(rows, length);
        this.slots = slots(length);
        this.low = main.bits();
        int stride = units * lanes;
        float[] first = PaddedBook.of(main, group, stride);
        float[] other = residual == null ? new float[0] : PaddedBook.of(residual, group, stride);
        int sums = residual == null ? 1 : residual.size();
        boolean folded = residual != null && PaddedBook.foldsInto(first, other, stride);
        this.book = folded ? PaddedBook.sums(first, other, stride) : first;
        this.second = folded || residual == null ? null : other;
        int codes = this.book.length / (units * lanes);
        this.panels = Math.ceilDiv(rows, ROWS);
        int each = Math.multiplyExact(count, Math.ceilDiv(slots, 8) * 8);
        this.indices = VectorIndices.of(panels, each, codes);
        this.seconds = second == null ? null : VectorIndices.of(panels, each, sums);
        boolean one = units == 1 && MachineCode.isa().isPresent();
        int eights = Math.ceilDiv(slots, 8) * 8;
        this.code = one ? VectorCode.of(length, lanes, eights, count, book, second, indices, seconds) : null;
    }

    /// The most vectors that touch the 64 rows of a panel, filled up so that units come in eights.
    private static int slots(int length) {
        return ROWS % length == 0 ? ROWS / length : (ROWS - 2) / length + 2;
    }

    int vectors() {
        return vectors;
    }

    /// Sets the indices of vector `n` at all places: `codes[at …]`, main index lowest.
    void set(int n, int[] codes, int at) {
        int last = Math.min(panels - 1, ((n + 1) * length - 1) / ROWS);
        for (int panel = n * length / ROWS; panel <= last; panel++) {
            int slot = n - first(panel);
            for (int place = 0; place < count; place++) {
                int code = codes[at + place];
                int main = second == null ? code : code & (1 << low) - 1;
                indices.set(panel, at(slot, place), within(book, main));
                if (second != null && seconds != null) {
                    seconds.set(panel, at(slot, place), within(second, code >>> low));
                }
            }
        }
    }

    /// Machine code reads the books unchecked.
    private int within(float[] book, int index) {
        return Objects.checkIndex(index, book.length / (units * lanes));
    }

    /// The first vector that touches a panel.
    private int first(int panel) {
        return panel * ROWS / length;
    }

    long bytes() {
        long codes = panels * (indices.panelBytes() + (seconds == null ? 0 : seconds.panelBytes()));
        return codes + (code == null ? 4L * (book.length + (second == null ? 0 : second.length)) : code.bookBytes());
    }

    /// True where machine code reads this run.
    boolean outside() {
        return code != null;
    }

    /// Adds to 64 floats at address `y` the product of this run's places; `x` is the address of all
    /// inputs. The first vector may begin a few rows before.
    void addDot(int panel, long x, long y) {
        int skip = panel * ROWS - first(panel) * length;
        Objects.requireNonNull(code).dot(panel, x + (long) from * Float.BYTES, count, y - (long) skip * Float.BYTES);
    }

    /// Adds the same to `y[yAt … yAt + 64)`, in Java; to the bit what machine code makes of it.
    void addDot(int panel, float[] x, int xAt, float[] y, int yAt, Scratch scratch) {
        int width = slots * units;
        int block = Math.ceilDiv(width, 8) * 8;
        int[] offsets = scratch.ints(Scratch.OFFSETS, STEP * block);
        int[] secondOffsets = scratch.ints(Scratch.SECONDS, STEP * block);
        float[] part = scratch.floats(Scratch.PARTS, block * lanes);
        for (int step = 0; step < count; step += STEP) {
            int places = Math.min(STEP, count - step);
            expand(indices, panel, step, places, block, offsets);
            if (second == null) {
                if (lanes == 8) {
                    UnitDot.eight(offsets, places, block, book, x, xAt + from + step, part, step > 0);
                } else {
                    UnitDot.four(offsets, places, block, book, x, xAt + from + step, part, step > 0);
                }
            } else {
                expand(Objects.requireNonNull(seconds), panel, step, places, block, secondOffsets);
                if (lanes == 8) {
                    UnitDot.eight(
                            offsets, secondOffsets, places, block, book, second, x, xAt + from + step, part, step > 0);
                } else {
                    UnitDot.four(
                            offsets, secondOffsets, places, block, book, second, x, xAt + from + step, part, step > 0);
                }
            }
        }
        if (count == 0) {
            Arrays.fill(part, 0, block * lanes, 0);
        }
        int stride = units * lanes;
        int skip = panel * ROWS - first(panel) * length;
        for (int r = 0; r < ROWS; r++) {
            y[yAt + r] += part[(skip + r) / length * stride + (skip + r) % length];
        }
    }

    private int at(int slot, int place) {
        return (slot / 8 * count + place) * 8 + slot % 8;
    }

    /// The offsets in the book of all units of some places, in `UnitDot`'s order; the filling reads centroid 0.
    private void expand(VectorIndices indices, int panel, int step, int places, int block, int[] offsets) {
        int stride = units * lanes;
        if (units == 1) {
            for (int slot = 0; slot < slots; slot += 8) {
                indices.widen(panel, at(slot, step), stride, offsets, slot * places, places * 8);
            }
            return;
        }
        Arrays.fill(offsets, 0, places * block, 0);
        for (int place = 0; place < places; place++) {
            for (int slot = 0; slot < slots; slot++) {
                int index = indices.get(panel, at(slot, step + place));
                for (int unit = slot * units; unit < (slot + 1) * units; unit++) {
                    offsets[(unit / 8 * places + place) * 8 + unit % 8] = index * stride + unit % units * lanes;
                }
            }
        }
    }

    /// Writes this run's places of a panel's `tile [places, 64]`.
    void unpack(int panel, float[] tile, Scratch scratch) {
        int width = slots * units;
        int block = Math.ceilDiv(width, 8) * 8;
        int[] offsets = scratch.ints(Scratch.OFFSETS, STEP * block);
        int[] secondOffsets = scratch.ints(Scratch.SECONDS, STEP * block);
        boolean whole = length % lanes == 0 && ROWS % length == 0;
        for (int step = 0; step < count; step += STEP) {
            int places = Math.min(STEP, count - step);
            expand(indices, panel, step, places, block, offsets);
            if (second != null) {
                expand(Objects.requireNonNull(seconds), panel, step, places, block, secondOffsets);
            }
            int at = (from + step) * ROWS;
            if (whole) {
                copyUnits(offsets, places, book, tile, at, false);
                if (second != null) {
                    copyUnits(secondOffsets, places, second, tile, at, true);
                }
            } else {
                copy(panel, places, offsets, secondOffsets, tile, at);
            }
        }
    }

    private void copyUnits(int[] offsets, int places, float[] from, float[] tile, int at, boolean add) {
        if (lanes == 8) {
            UnitDot.copyEight(offsets, places, from, tile, at, add);
        } else {
            UnitDot.copyFour(offsets, places, from, tile, at, add);
        }
    }

    private void copy(int panel, int places, int[] offsets, int[] secondOffsets, float[] tile, int at) {
        int skip = panel * ROWS - first(panel) * length;
        for (int slot = 0; slot < slots; slot++) {
            int unit = slot * units;
            int row = slot * length - skip;
            int begin = Math.max(0, -row);
            int end = Math.min(length, ROWS - row);
            for (int place = 0; place < places; place++) {
                int entry = (unit / 8 * places + place) * 8 + unit % 8;
                int to = at + place * ROWS + row;
                for (int t = begin; t < end; t++) {
                    float value = book[offsets[entry] + t];
                    tile[to + t] = second == null ? value : value + second[secondOffsets[entry] + t];
                }
            }
        }
    }
}
