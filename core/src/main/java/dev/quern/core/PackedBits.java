package dev.quern.core;

/// Rows of unsigned numbers of `bits` 1 … 32 each, back to back with the lowest bits first; each row begins at a 32-bit
/// word and is padded with zeros.
public final class PackedBits {
    private PackedBits() {}

    /// Words of a row of `count` numbers.
    public static int words(int count, int bits) {
        return Math.toIntExact(((long) count * bits + 31) / 32);
    }

    /// Packs `rows` rows of `count` numbers.
    public static int[] pack(int[] numbers, int rows, int count, int bits) {
        int words = words(count, bits);
        int[] packed = new int[Math.multiplyExact(rows, words)];
        long mask = (1L << bits) - 1;
        for (int row = 0; row < rows; row++) {
            long pending = 0;
            int held = 0;
            int at = row * words;
            for (int i = 0; i < count; i++) {
                pending |= (numbers[row * count + i] & mask) << held;
                held += bits;
                if (held >= 32) {
                    packed[at++] = (int) pending;
                    pending >>>= 32;
                    held -= 32;
                }
            }
            if (held > 0) {
                packed[at] = (int) pending;
            }
        }
        return packed;
    }

    /// Unpacks row `row` of an I32 tensor whose last dimension holds the words of `count` numbers.
    public static void unpackRow(Tensor packed, long row, int count, int bits, int[] target, int offset) {
        long at = row * words(count, bits) * 4;
        long mask = (1L << bits) - 1;
        long pending = 0;
        int held = 0;
        for (int i = 0; i < count; i++) {
            if (held < bits) {
                // at most 31 bits are left of the word before, so 64 hold both
                pending |= Integer.toUnsignedLong(packed.data().get(Tensor.INT, at)) << held;
                at += 4;
                held += 32;
            }
            target[offset + i] = (int) (pending & mask);
            pending >>>= bits;
            held -= bits;
        }
    }
}
