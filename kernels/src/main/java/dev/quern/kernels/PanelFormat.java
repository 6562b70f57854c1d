package dev.quern.kernels;

import java.util.Arrays;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// How codes and scales of 32 rows lie in memory, for kernels that multiply them by codes of activations.
///
/// A panel is a run of units of inputs; a unit is a header of scales and then `blocks` blocks of 32 inputs. A weight is
/// `scale · (code − bias)`, or `scale · (code − bias − zero)`, or `scale · (code − bias) + minimum`, with unsigned
/// codes of `bits`. With `subs` 2, the two halves of a block have scales of their own.
///
/// A block holds, for 16 rows and then for 16 more, `bits` vectors of 64 bytes: planes of 4, 2 and 1 bits, the low ones
/// first, or whole bytes. In a plane of whole bytes vector j holds the inputs 4j … 4j + 3 of each row, four
/// neighbouring
/// bytes to a row. In one of 4 bits its low half-bytes hold step j and its high ones step j + 4, in one of 2 bits a
/// vector holds the steps j, j + 2, j + 4, j + 6, and so on.
///
/// Headers by kind: `HALF` and `FLOAT` hold, for each half of a block that has its own, 32 scales and then 32 zeros or
/// minima; `SUPER` holds 32 float units of scales, 32 of minima, then small integers of 32 rows: `blocks · subs` times
/// scales, then minima.
record PanelFormat(
        int bits, int bias, int blocks, int subs, Scales scales, GroupScales.Shift shift, byte @Nullable [] table) {
    /// Rows of a panel.
    static final int ROWS = 32;

    /// Inputs of a block, which share a scale of the activations.
    static final int BLOCK = 32;

    /// How scales are stored.
    enum Scales {
        HALF(2),
        FLOAT(4),
        SUPER(4);

        final int bytes;

        Scales(int bytes) {
            this.bytes = bytes;
        }
    }

    /// Bits of a code in the products: those of the table's values where there is one.
    boolean wholeBytes() {
        return bits == 8 || table != null;
    }

    /// True where zeros or minima are stored.
    boolean shifted() {
        return shift != GroupScales.Shift.NONE;
    }

    /// Bytes of a unit's header.
    int headerBytes() {
        int one = ROWS * scales.bytes * (shifted() ? 2 : 1);
        return scales == Scales.SUPER ? one + smallBytes() * (shifted() ? 2 : 1) : one * subs;
    }

    /// Bytes of the small integers of a unit's scales.
    int smallBytes() {
        return blocks * subs * ROWS;
    }

    /// Where a unit's small integers begin.
    int smallAt() {
        return ROWS * 4 * (shifted() ? 2 : 1);
    }

    /// From a scale of a unit to its zero or minimum.
    int shiftAt() {
        return scales == Scales.SUPER ? smallBytes() : ROWS * scales.bytes;
    }

    /// From the scales of a block's first half to those of its second.
    int subBytes() {
        return scales == Scales.SUPER ? ROWS : ROWS * scales.bytes * (shifted() ? 2 : 1);
    }

    /// Bytes of the codes of 16 rows in a block.
    int halfBytes() {
        return 64 * bits;
    }

    /// Bytes of a block's codes.
    int blockBytes() {
        return 2 * halfBytes();
    }

    int unitBytes() {
        return headerBytes() + blocks * blockBytes();
    }

    /// The planes that codes are cut into, from the low bits.
    int[] planes() {
        return switch (bits) {
            case 1, 2, 4, 8 -> new int[] {bits};
            case 3 -> new int[] {2, 1};
            case 5 -> new int[] {4, 1};
            case 6 -> new int[] {4, 2};
            default -> throw new IllegalArgumentException("codes of " + bits + " bits");
        };
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof PanelFormat f && key().equals(f.key());
    }

    @Override
    public int hashCode() {
        return key().hashCode();
    }

    @Override
    public String toString() {
        return key();
    }

    private String key() {
        return String.format(
                Locale.ROOT,
                "w%d-%d %s×%d/%d %s %s",
                bits,
                bias,
                scales,
                blocks,
                subs,
                shift,
                table == null ? "" : Arrays.toString(table));
    }
}
