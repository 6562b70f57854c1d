package dev.quern.formats;

import dev.quern.core.GroupedWeight;
import dev.quern.core.QuernException;
import dev.quern.formats.GptqConfig.Zeros;

/// Zero points in the GPTQ layout: `[groups, rows · bits / 32]` words, packed along the outputs, lowest bits first.
///
/// Version 1 stores z − 1. With 2, 4 and 8 bits GPTQModel makes it by subtracting one from every field of a word in
/// one subtraction, so a zero point of 0 borrows from its neighbour; adding the same constant to the word undoes
/// that exactly, and where no zero point is 0 it is the plain z − 1 of every other writer. With 3 bits fields cross
/// words and are taken one by one. Both are measured against its files.
final class GptqZeros {
    private GptqZeros() {}

    /// Zero points `[groups · rows]` of packed `words`.
    static short[] unpack(int[] words, int groups, int rows, int bits, Zeros zeros) {
        int perGroup = words.length / groups;
        short[] points = new short[Math.multiplyExact(groups, rows)];
        int mask = (1 << bits) - 1;
        int wordOffset = zeros == Zeros.V1 && bits != 3 ? ones(bits) : 0;
        int fieldOffset = zeros == Zeros.V1 && bits == 3 ? 1 : 0;
        int[] line = new int[perGroup + 1];
        for (int group = 0; group < groups; group++) {
            for (int w = 0; w < perGroup; w++) {
                line[w] = words[group * perGroup + w] + wordOffset;
            }
            for (int row = 0; row < rows; row++) {
                long bit = (long) row * bits;
                int word = (int) (bit >>> 5);
                int shift = (int) (bit & 31);
                int value = line[word] >>> shift;
                if (shift + bits > 32) {
                    value |= line[word + 1] << (32 - shift);
                }
                points[group * rows + row] = (short) ((value + fieldOffset) & mask);
            }
        }
        return points;
    }

    /// Words of `weight`'s zero points; these must be storable.
    static int[] pack(GroupedWeight weight, Zeros zeros) {
        int bits = weight.bits();
        int rows = weight.rows();
        int perGroup = Math.toIntExact((long) rows * bits / 32);
        int[] words = new int[Math.multiplyExact(perGroup, weight.groups())];
        for (int group = 0; group < weight.groups(); group++) {
            for (int row = 0; row < rows; row++) {
                int value = weight.zeroPoints()[group * rows + row] - (zeros == Zeros.V1 ? 1 : 0);
                long bit = (long) row * bits;
                int word = group * perGroup + (int) (bit >>> 5);
                int shift = (int) (bit & 31);
                words[word] |= value << shift;
                if (shift + bits > 32) {
                    words[word + 1] |= value >>> (32 - shift);
                }
            }
        }
        return words;
    }

    static void requireStorable(String module, GroupedWeight weight, Zeros zeros) {
        int least = zeros == Zeros.V1 ? 1 : 0;
        int most = (1 << weight.bits()) - 1 + least;
        for (short z : weight.zeroPoints()) {
            if (z < least || z > most) {
                throw new QuernException(module + ": a zero point of " + z + " cannot be stored as "
                        + zeros.formatName() + ", which holds " + least + " to " + most + "; use "
                        + (zeros == Zeros.V1 ? Zeros.V2 : Zeros.V1).formatName());
            }
        }
    }

    /// True where every field of the words is `value`.
    static boolean isAll(int[] words, int value, int bits) {
        int[] pattern = new int[bits == 3 ? 3 : 1];
        for (int field = 0; field < pattern.length * 32 / bits; field++) {
            long bit = (long) field * bits;
            int word = (int) (bit >>> 5);
            int shift = (int) (bit & 31);
            pattern[word] |= value << shift;
            if (shift + bits > 32) {
                pattern[word + 1] |= value >>> (32 - shift);
            }
        }
        for (int i = 0; i < words.length; i++) {
            if (words[i] != pattern[i % pattern.length]) {
                return false;
            }
        }
        return true;
    }

    /// The word with a one in every field.
    private static int ones(int bits) {
        int ones = 0;
        for (int shift = 0; shift < 32; shift += bits) {
            ones |= 1 << shift;
        }
        return ones;
    }
}
