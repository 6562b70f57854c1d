package dev.quern.kernels;

import dev.quern.core.BlockType;
import dev.quern.core.Tensor;
import java.lang.foreign.MemorySegment;

/// The codes of GGUF blocks as words of a `PanelFormat`, four codes at a time, without taking them apart.
///
/// A word is what a panel holds of one row in one vector: planes of 4, 2 and 1 bits of 32 neighbouring
/// weights, or whole bytes. Files keep their codes in the same planes, in another order; so a word is
/// made of a few words of the file. Taking codes apart one by one (`BlockCodes`, the oracle) took half
/// the time in which a small model opens.
final class BlockWords {
    private static final int EACH_BYTE = 0x01010101;

    private BlockWords() {}

    /// True where blocks of `type` can be read so into codes of `bits` bits.
    static boolean takes(BlockType type, int bits) {
        return bits
                == switch (type) {
                    case Q2_K -> 2;
                    case Q3_K -> 3;
                    case Q4_0, Q4_1, Q4_K, IQ4_NL, IQ4_XS -> 4;
                    case Q5_0, Q5_1, Q5_K -> 5;
                    case Q6_K -> 6;
                    case Q8_0 -> 8;
                    default -> -1;
                };
    }

    /// The words of the block at byte `at`: for each 32 weights as many as a code has bits.
    static void read(BlockType type, MemorySegment b, long at, int[] words) {
        switch (type) {
            case Q4_0, IQ4_NL -> copy(b, at + 2, 4, words, 0);
            case Q4_1 -> copy(b, at + 4, 4, words, 0);
            case Q5_0 -> {
                copy(b, at + 6, 4, words, 0);
                words[4] = everyFourth(b.get(Tensor.INT, at + 2));
            }
            case Q5_1 -> {
                copy(b, at + 8, 4, words, 0);
                words[4] = everyFourth(b.get(Tensor.INT, at + 4));
            }
            case Q8_0 -> {
                copy(b, at + 2, 8, words, 0);
                for (int j = 0; j < 8; j++) {
                    words[j] ^= 0x80808080;
                }
            }
            case IQ4_XS -> copy(b, at + 8, 32, words, 0);
            default -> readSuper(type, b, at, words);
        }
    }

    private static void readSuper(BlockType type, MemorySegment b, long at, int[] words) {
        for (int sub = 0; sub < 8; sub++) {
            int half = sub / 4;
            int quarter = sub % 4;
            switch (type) {
                case Q2_K -> plane(2, b, at + 16 + 32 * half, 2 * quarter, words, 2 * sub);
                case Q3_K -> {
                    plane(2, b, at + 32 + 32 * half, 2 * quarter, words, 3 * sub);
                    plane(1, b, at, sub, words, 3 * sub + 2);
                }
                case Q4_K -> plane(4, b, at + 16 + 32 * (sub / 2), 4 * (sub % 2), words, 4 * sub);
                case Q5_K -> {
                    plane(4, b, at + 48 + 32 * (sub / 2), 4 * (sub % 2), words, 5 * sub);
                    plane(1, b, at + 16, sub, words, 5 * sub + 4);
                }
                case Q6_K -> {
                    plane(4, b, at + 64 * half + 32 * (quarter % 2), 4 * (quarter / 2), words, 6 * sub);
                    plane(2, b, at + 128 + 32 * half, 2 * quarter, words, 6 * sub + 4);
                }
                default -> throw new IllegalArgumentException(type + " has no words");
            }
        }
    }

    private static void copy(MemorySegment b, long at, int count, int[] words, int to) {
        MemorySegment.copy(b, Tensor.INT, at, words, to, count);
    }

    /// A plane of `width` bits of 32 weights, from bits `shift …` of the 32 bytes at `at`: word w of it holds the steps
    /// w, w + width, … of four weights each.
    private static void plane(int width, MemorySegment b, long at, int shift, int[] words, int to) {
        int mask = ((1 << width) - 1) * EACH_BYTE;
        for (int w = 0; w < width; w++) {
            int word = 0;
            for (int step = w, up = 0; step < 8; step += width, up += width) {
                word |= (b.get(Tensor.INT, at + 4L * step) >>> shift & mask) << up;
            }
            words[to + w] = word;
        }
    }

    /// Bits 4j + i to bit j of byte i.
    private static int everyFourth(int bits) {
        int word = 0;
        for (int i = 0; i < 4; i++) {
            word |= Integer.compress(bits, 0x11111111 << i) << 8 * i;
        }
        return word;
    }
}
