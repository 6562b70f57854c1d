package dev.quern.kernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// One token times expanded indices: units of 4 or 8 numbers of a book, each at an offset of its own.
///
/// Offsets lie in blocks of eight units, place by place: a loop over places with a constant stride needs no check of
/// its
/// own reads. Eight units at a time share each broadcast input and hide the latency of the multiply-add. A vector is as
/// long as a
/// unit and not as the machine's widest: what is read lies at unrelated places, one load each, and a gather instruction
/// would take as many loads and more. The second book is added before the product, as `unpackRow` does.
final class UnitDot {
    private static final VectorSpecies<Float> FOUR = FloatVector.SPECIES_128;
    private static final VectorSpecies<Float> EIGHT = FloatVector.SPECIES_256;

    private UnitDot() {}

    /// Sets or adds `part [units, 4]` = Σ over places of x times the unit.
    static void four(
            int[] offsets, int places, int units, float[] book, float[] x, int xAt, float[] part, boolean add) {
        for (int u = 0; u < units; u += 8) {
            FloatVector s0 = FloatVector.zero(FOUR);
            FloatVector s1 = FloatVector.zero(FOUR);
            FloatVector s2 = FloatVector.zero(FOUR);
            FloatVector s3 = FloatVector.zero(FOUR);
            FloatVector s4 = FloatVector.zero(FOUR);
            FloatVector s5 = FloatVector.zero(FOUR);
            FloatVector s6 = FloatVector.zero(FOUR);
            FloatVector s7 = FloatVector.zero(FOUR);
            if (add) {
                s0 = FloatVector.fromArray(FOUR, part, u * 4);
                s1 = FloatVector.fromArray(FOUR, part, u * 4 + 4);
                s2 = FloatVector.fromArray(FOUR, part, u * 4 + 8);
                s3 = FloatVector.fromArray(FOUR, part, u * 4 + 12);
                s4 = FloatVector.fromArray(FOUR, part, u * 4 + 16);
                s5 = FloatVector.fromArray(FOUR, part, u * 4 + 20);
                s6 = FloatVector.fromArray(FOUR, part, u * 4 + 24);
                s7 = FloatVector.fromArray(FOUR, part, u * 4 + 28);
            }
            for (int j = 0, at = u * places; j < places; j++, at += 8) {
                FloatVector a = FloatVector.broadcast(FOUR, x[xAt + j]);
                s0 = a.fma(FloatVector.fromArray(FOUR, book, offsets[at]), s0);
                s1 = a.fma(FloatVector.fromArray(FOUR, book, offsets[at + 1]), s1);
                s2 = a.fma(FloatVector.fromArray(FOUR, book, offsets[at + 2]), s2);
                s3 = a.fma(FloatVector.fromArray(FOUR, book, offsets[at + 3]), s3);
                s4 = a.fma(FloatVector.fromArray(FOUR, book, offsets[at + 4]), s4);
                s5 = a.fma(FloatVector.fromArray(FOUR, book, offsets[at + 5]), s5);
                s6 = a.fma(FloatVector.fromArray(FOUR, book, offsets[at + 6]), s6);
                s7 = a.fma(FloatVector.fromArray(FOUR, book, offsets[at + 7]), s7);
            }
            s0.intoArray(part, u * 4);
            s1.intoArray(part, u * 4 + 4);
            s2.intoArray(part, u * 4 + 8);
            s3.intoArray(part, u * 4 + 12);
            s4.intoArray(part, u * 4 + 16);
            s5.intoArray(part, u * 4 + 20);
            s6.intoArray(part, u * 4 + 24);
            s7.intoArray(part, u * 4 + 28);
        }
    }

    /// Sets or adds `part [units, 4]` = Σ over places of x times the units of both books.
    static void four(
            int[] offsets,
            int[] seconds,
            int places,
            int units,
            float[] book,
            float[] second,
            float[] x,
            int xAt,
            float[] part,
            boolean add) {
        for (int u = 0; u < units; u += 8) {
            FloatVector s0 = FloatVector.zero(FOUR);
            FloatVector s1 = FloatVector.zero(FOUR);
            FloatVector s2 = FloatVector.zero(FOUR);
            FloatVector s3 = FloatVector.zero(FOUR);
            FloatVector s4 = FloatVector.zero(FOUR);
            FloatVector s5 = FloatVector.zero(FOUR);
            FloatVector s6 = FloatVector.zero(FOUR);
            FloatVector s7 = FloatVector.zero(FOUR);
            if (add) {
                s0 = FloatVector.fromArray(FOUR, part, u * 4);
                s1 = FloatVector.fromArray(FOUR, part, u * 4 + 4);
                s2 = FloatVector.fromArray(FOUR, part, u * 4 + 8);
                s3 = FloatVector.fromArray(FOUR, part, u * 4 + 12);
                s4 = FloatVector.fromArray(FOUR, part, u * 4 + 16);
                s5 = FloatVector.fromArray(FOUR, part, u * 4 + 20);
                s6 = FloatVector.fromArray(FOUR, part, u * 4 + 24);
                s7 = FloatVector.fromArray(FOUR, part, u * 4 + 28);
            }
            for (int j = 0, at = u * places; j < places; j++, at += 8) {
                FloatVector a = FloatVector.broadcast(FOUR, x[xAt + j]);
                FloatVector c0 = FloatVector.fromArray(FOUR, book, offsets[at]);
                s0 = a.fma(c0.add(FloatVector.fromArray(FOUR, second, seconds[at])), s0);
                FloatVector c1 = FloatVector.fromArray(FOUR, book, offsets[at + 1]);
                s1 = a.fma(c1.add(FloatVector.fromArray(FOUR, second, seconds[at + 1])), s1);
                FloatVector c2 = FloatVector.fromArray(FOUR, book, offsets[at + 2]);
                s2 = a.fma(c2.add(FloatVector.fromArray(FOUR, second, seconds[at + 2])), s2);
                FloatVector c3 = FloatVector.fromArray(FOUR, book, offsets[at + 3]);
                s3 = a.fma(c3.add(FloatVector.fromArray(FOUR, second, seconds[at + 3])), s3);
                FloatVector c4 = FloatVector.fromArray(FOUR, book, offsets[at + 4]);
                s4 = a.fma(c4.add(FloatVector.fromArray(FOUR, second, seconds[at + 4])), s4);
                FloatVector c5 = FloatVector.fromArray(FOUR, book, offsets[at + 5]);
                s5 = a.fma(c5.add(FloatVector.fromArray(FOUR, second, seconds[at + 5])), s5);
                FloatVector c6 = FloatVector.fromArray(FOUR, book, offsets[at + 6]);
                s6 = a.fma(c6.add(FloatVector.fromArray(FOUR, second, seconds[at + 6])), s6);
                FloatVector c7 = FloatVector.fromArray(FOUR, book, offsets[at + 7]);
                s7 = a.fma(c7.add(FloatVector.fromArray(FOUR, second, seconds[at + 7])), s7);
            }
            s0.intoArray(part, u * 4);
            s1.intoArray(part, u * 4 + 4);
            s2.intoArray(part, u * 4 + 8);
            s3.intoArray(part, u * 4 + 12);
            s4.intoArray(part, u * 4 + 16);
            s5.intoArray(part, u * 4 + 20);
            s6.intoArray(part, u * 4 + 24);
            s7.intoArray(part, u * 4 + 28);
        }
    }

    /// Sets or adds `part [units, 8]` = Σ over places of x times the unit.
    static void eight(
            int[] offsets, int places, int units, float[] book, float[] x, int xAt, float[] part, boolean add) {
        for (int u = 0; u < units; u += 8) {
            FloatVector s0 = FloatVector.zero(EIGHT);
            FloatVector s1 = FloatVector.zero(EIGHT);
            FloatVector s2 = FloatVector.zero(EIGHT);
            FloatVector s3 = FloatVector.zero(EIGHT);
            FloatVector s4 = FloatVector.zero(EIGHT);
            FloatVector s5 = FloatVector.zero(EIGHT);
            FloatVector s6 = FloatVector.zero(EIGHT);
            FloatVector s7 = FloatVector.zero(EIGHT);
            if (add) {
                s0 = FloatVector.fromArray(EIGHT, part, u * 8);
                s1 = FloatVector.fromArray(EIGHT, part, u * 8 + 8);
                s2 = FloatVector.fromArray(EIGHT, part, u * 8 + 16);
                s3 = FloatVector.fromArray(EIGHT, part, u * 8 + 24);
                s4 = FloatVector.fromArray(EIGHT, part, u * 8 + 32);
                s5 = FloatVector.fromArray(EIGHT, part, u * 8 + 40);
                s6 = FloatVector.fromArray(EIGHT, part, u * 8 + 48);
                s7 = FloatVector.fromArray(EIGHT, part, u * 8 + 56);
            }
            for (int j = 0, at = u * places; j < places; j++, at += 8) {
                FloatVector a = FloatVector.broadcast(EIGHT, x[xAt + j]);
                s0 = a.fma(FloatVector.fromArray(EIGHT, book, offsets[at]), s0);
                s1 = a.fma(FloatVector.fromArray(EIGHT, book, offsets[at + 1]), s1);
                s2 = a.fma(FloatVector.fromArray(EIGHT, book, offsets[at + 2]), s2);
                s3 = a.fma(FloatVector.fromArray(EIGHT, book, offsets[at + 3]), s3);
                s4 = a.fma(FloatVector.fromArray(EIGHT, book, offsets[at + 4]), s4);
                s5 = a.fma(FloatVector.fromArray(EIGHT, book, offsets[at + 5]), s5);
                s6 = a.fma(FloatVector.fromArray(EIGHT, book, offsets[at + 6]), s6);
                s7 = a.fma(FloatVector.fromArray(EIGHT, book, offsets[at + 7]), s7);
            }
            s0.intoArray(part, u * 8);
            s1.intoArray(part, u * 8 + 8);
            s2.intoArray(part, u * 8 + 16);
            s3.intoArray(part, u * 8 + 24);
            s4.intoArray(part, u * 8 + 32);
            s5.intoArray(part, u * 8 + 40);
            s6.intoArray(part, u * 8 + 48);
            s7.intoArray(part, u * 8 + 56);
        }
    }

    /// Sets or adds `part [units, 8]` = Σ over places of x times the units of both books.
    static void eight(
            int[] offsets,
            int[] seconds,
            int places,
            int units,
            float[] book,
            float[] second,
            float[] x,
            int xAt,
            float[] part,
            boolean add) {
        for (int u = 0; u < units; u += 8) {
            FloatVector s0 = FloatVector.zero(EIGHT);
            FloatVector s1 = FloatVector.zero(EIGHT);
            FloatVector s2 = FloatVector.zero(EIGHT);
            FloatVector s3 = FloatVector.zero(EIGHT);
            FloatVector s4 = FloatVector.zero(EIGHT);
            FloatVector s5 = FloatVector.zero(EIGHT);
            FloatVector s6 = FloatVector.zero(EIGHT);
            FloatVector s7 = FloatVector.zero(EIGHT);
            if (add) {
                s0 = FloatVector.fromArray(EIGHT, part, u * 8);
                s1 = FloatVector.fromArray(EIGHT, part, u * 8 + 8);
                s2 = FloatVector.fromArray(EIGHT, part, u * 8 + 16);
                s3 = FloatVector.fromArray(EIGHT, part, u * 8 + 24);
                s4 = FloatVector.fromArray(EIGHT, part, u * 8 + 32);
                s5 = FloatVector.fromArray(EIGHT, part, u * 8 + 40);
                s6 = FloatVector.fromArray(EIGHT, part, u * 8 + 48);
                s7 = FloatVector.fromArray(EIGHT, part, u * 8 + 56);
            }
            for (int j = 0, at = u * places; j < places; j++, at += 8) {
                FloatVector a = FloatVector.broadcast(EIGHT, x[xAt + j]);
                FloatVector c0 = FloatVector.fromArray(EIGHT, book, offsets[at]);
                s0 = a.fma(c0.add(FloatVector.fromArray(EIGHT, second, seconds[at])), s0);
                FloatVector c1 = FloatVector.fromArray(EIGHT, book, offsets[at + 1]);
                s1 = a.fma(c1.add(FloatVector.fromArray(EIGHT, second, seconds[at + 1])), s1);
                FloatVector c2 = FloatVector.fromArray(EIGHT, book, offsets[at + 2]);
                s2 = a.fma(c2.add(FloatVector.fromArray(EIGHT, second, seconds[at + 2])), s2);
                FloatVector c3 = FloatVector.fromArray(EIGHT, book, offsets[at + 3]);
                s3 = a.fma(c3.add(FloatVector.fromArray(EIGHT, second, seconds[at + 3])), s3);
                FloatVector c4 = FloatVector.fromArray(EIGHT, book, offsets[at + 4]);
                s4 = a.fma(c4.add(FloatVector.fromArray(EIGHT, second, seconds[at + 4])), s4);
                FloatVector c5 = FloatVector.fromArray(EIGHT, book, offsets[at + 5]);
                s5 = a.fma(c5.add(FloatVector.fromArray(EIGHT, second, seconds[at + 5])), s5);
                FloatVector c6 = FloatVector.fromArray(EIGHT, book, offsets[at + 6]);
                s6 = a.fma(c6.add(FloatVector.fromArray(EIGHT, second, seconds[at + 6])), s6);
                FloatVector c7 = FloatVector.fromArray(EIGHT, book, offsets[at + 7]);
                s7 = a.fma(c7.add(FloatVector.fromArray(EIGHT, second, seconds[at + 7])), s7);
            }
            s0.intoArray(part, u * 8);
            s1.intoArray(part, u * 8 + 8);
            s2.intoArray(part, u * 8 + 16);
            s3.intoArray(part, u * 8 + 24);
            s4.intoArray(part, u * 8 + 32);
            s5.intoArray(part, u * 8 + 40);
            s6.intoArray(part, u * 8 + 48);
            s7.intoArray(part, u * 8 + 56);
        }
    }

    /// Writes or adds the units of `places` to `tile [places, 64]`; a place's units fill its 64 rows.
    static void copyFour(int[] offsets, int places, float[] book, float[] tile, int at, boolean add) {
        for (int j = 0; j < places; j++) {
            for (int u = 0, to = at + j * Panels.ROWS; u < Panels.ROWS / 4; u++, to += 4) {
                FloatVector value = FloatVector.fromArray(FOUR, book, offsets[(u / 8 * places + j) * 8 + u % 8]);
                if (add) {
                    value = FloatVector.fromArray(FOUR, tile, to).add(value);
                }
                value.intoArray(tile, to);
            }
        }
    }

    /// Writes or adds the units of `places` to `tile [places, 64]`; a place's units fill its 64 rows.
    static void copyEight(int[] offsets, int places, float[] book, float[] tile, int at, boolean add) {
        for (int j = 0; j < places; j++) {
            for (int u = 0, to = at + j * Panels.ROWS; u < Panels.ROWS / 8; u++, to += 8) {
                FloatVector value = FloatVector.fromArray(EIGHT, book, offsets[(u / 8 * places + j) * 8 + u % 8]);
                if (add) {
                    value = FloatVector.fromArray(EIGHT, tile, to).add(value);
                }
                value.intoArray(tile, to);
            }
        }
    }
}
