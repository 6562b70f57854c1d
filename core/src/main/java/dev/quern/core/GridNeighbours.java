package dev.quern.core;

import java.util.Arrays;

/// For each point of the lattice that a grid's levels span, the grid's runs nearest to it: where an encoder looks.
///
/// A point is a level for each place, as the digits of a number, the first lowest. Immutable once made; made at the
/// first
/// use of a grid, in a tenth of a second.
final class GridNeighbours {
    /// Runs kept for each point.
    static final int COUNT = 16;

    private final BlockGrid grid;
    private final int[] levels;
    /// Level numbers by ⌊2v⌋: midpoints of levels are multiples of a half.
    private final byte[] levelOf;

    private final short[] runs;

    private GridNeighbours(BlockGrid grid) {
        this.grid = grid;
        this.levels = grid.levels();
        this.levelOf = new byte[2 * levels[levels.length - 1] + 1];
        for (int i = 0, level = 0; i < levelOf.length; i++) {
            double value = i / 2.0 + 0.25;
            while (level + 1 < levels.length && levels[level + 1] - value < value - levels[level]) {
                level++;
            }
            levelOf[i] = (byte) level;
        }
        int points = (int) Math.round(Math.pow(levels.length, grid.width()));
        this.runs = new short[points * COUNT];
        int[] point = new int[grid.width()];
        long[] nearest = new long[grid.entries()];
        for (int p = 0; p < points; p++) {
            for (int j = 0, rest = p; j < point.length; j++, rest /= levels.length) {
                point[j] = levels[rest % levels.length];
            }
            for (int entry = 0; entry < nearest.length; entry++) {
                long distance = 0;
                for (int j = 0; j < point.length; j++) {
                    int gap = grid.value(entry, j) - point[j];
                    distance += gap * gap;
                }
                nearest[entry] = distance << 16 | entry;
            }
            smallest(nearest);
            for (int k = 0; k < COUNT; k++) {
                runs[p * COUNT + k] = (short) nearest[k];
            }
        }
    }

    /// Brings the `COUNT` smallest to the front, in order.
    private static void smallest(long[] values) {
        for (int i = COUNT; i < values.length; i++) {
            if (i == COUNT) {
                Arrays.sort(values, 0, COUNT);
            }
            long value = values[i];
            if (value < values[COUNT - 1]) {
                values[i] = values[COUNT - 1];
                int at = COUNT - 1;
                while (at > 0 && values[at - 1] > value) {
                    values[at] = values[at - 1];
                    at--;
                }
                values[at] = value;
            }
        }
    }

    /// The neighbours in `grid`.
    static GridNeighbours of(BlockGrid grid) {
        return switch (grid) {
            case IQ2_XXS -> Iq2ExtraExtraSmall.ALL;
            case IQ2_XS -> Iq2ExtraSmall.ALL;
            case IQ2_S -> Iq2Small.ALL;
            case IQ3_XXS -> Iq3ExtraExtraSmall.ALL;
            case IQ3_S -> Iq3Small.ALL;
            case IQ1 -> throw new IllegalArgumentException("blocks of " + grid + " are not written");
        };
    }

    BlockGrid grid() {
        return grid;
    }

    int greatest() {
        return levels[levels.length - 1];
    }

    /// Where the neighbours of the point nearest to `values[at …]` begin.
    int at(float[] values, int at) {
        int point = 0;
        int digit = 1;
        for (int j = 0; j < grid.width(); j++) {
            float inside = Math.min(Math.max(values[at + j], 0), greatest());
            point += digit * levelOf[(int) (2 * inside)];
            digit *= levels.length;
        }
        return point * COUNT;
    }

    /// The `k`-th run of the point whose neighbours begin at `at`.
    int run(int at, int k) {
        return runs[at + k] & 0xFFFF;
    }

    // one holder for each grid, so that only what is used is made
    private static final class Iq2ExtraExtraSmall {
        static final GridNeighbours ALL = new GridNeighbours(BlockGrid.IQ2_XXS);
    }

    private static final class Iq2ExtraSmall {
        static final GridNeighbours ALL = new GridNeighbours(BlockGrid.IQ2_XS);
    }

    private static final class Iq2Small {
        static final GridNeighbours ALL = new GridNeighbours(BlockGrid.IQ2_S);
    }

    private static final class Iq3ExtraExtraSmall {
        static final GridNeighbours ALL = new GridNeighbours(BlockGrid.IQ3_XXS);
    }

    private static final class Iq3Small {
        static final GridNeighbours ALL = new GridNeighbours(BlockGrid.IQ3_S);
    }
}
