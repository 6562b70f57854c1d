package dev.quern.runtime;

import dev.quern.models.Rope;
import java.util.IdentityHashMap;
import java.util.Map;

/// Cosines and sines of a session's positions, worked out once and kept. For one thread.
///
/// A rope that depends on the length of the text (dynamic NTK) is worked out anew whenever the length has changed.
final class RopeTables {
    private static final int LEAST_POSITIONS = 64;

    private final Map<Rope, Table> tables = new IdentityHashMap<>();

    /// `cos` and `sin` are `[positions, headDim / 2]` of positions from `first` on, of a text of `length` tokens.
    record Table(float[] cos, float[] sin, int first, int count, int length) {
        /// Where the row of `position` begins.
        int offset(Rope rope, int position) {
            return (position - first) * (rope.headDim() / 2);
        }

        private boolean holds(int from, int to, int ofLength) {
            return ofLength == length && from >= first && to <= first + count;
        }
    }

    /// A table that holds positions `start … start + count` as they turn in a text of `length` tokens.
    Table at(Rope rope, int start, int count, int length) {
        var stretch = rope.stretch();
        int ofLength = stretch != null && length > stretch.maxPositions() ? length : 0;
        Table table = tables.get(rope);
        if (table == null || !table.holds(start, start + count, ofLength)) {
            table = ofLength == 0 ? plain(rope, start + count) : make(rope, start, count, ofLength);
            tables.put(rope, table);
        }
        return table;
    }

    private static Table plain(Rope rope, int needed) {
        long positions = Math.max(LEAST_POSITIONS, Long.highestOneBit(needed * 2L - 1));
        if (rope.stretch() != null) {
            positions = Math.min(positions, rope.stretch().maxPositions());
        }
        return make(rope, 0, Math.toIntExact(positions), 0);
    }

    private static Table make(Rope rope, int first, int count, int length) {
        float[][] table = rope.table(first, count, Math.max(length, first + count));
        return new Table(table[0], table[1], first, count, length);
    }
}
