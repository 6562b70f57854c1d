package dev.quern.kernels;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// The order of a layout's inputs: `source[i]` is the weight's column at place i, −1 at a padding place; null = as they
/// are. Group g takes the places `starts[g] … starts[g + 1] − 1`.
record InputOrder(int length, int @Nullable [] source, int[] starts) {
    /// All inputs in their order, one group.
    static InputOrder plain(int cols) {
        return new InputOrder(cols, null, new int[] {0, cols});
    }

    /// Inputs sorted by group (each keeps its inputs' order), each group padded to a multiple of `granule`.
    ///
    /// `groupOf[c]` in `0 … groups − 1`; groups without inputs are empty.
    static InputOrder grouped(int[] groupOf, int groups, int granule) {
        int[] counts = new int[groups];
        for (int group : groupOf) {
            counts[group]++;
        }
        int[] starts = new int[groups + 1];
        for (int g = 0; g < groups; g++) {
            starts[g + 1] = Math.addExact(starts[g], Math.ceilDiv(counts[g], granule) * granule);
        }
        int[] source = new int[starts[groups]];
        Arrays.fill(source, -1);
        int[] next = starts.clone();
        boolean same = source.length == groupOf.length;
        for (int c = 0; c < groupOf.length; c++) {
            int place = next[groupOf[c]]++;
            source[place] = c;
            same &= place == c;
        }
        return new InputOrder(source.length, same ? null : source, starts);
    }

    /// The same with all groups padded to one length, a multiple of `granule`.
    static InputOrder equal(int[] groupOf, int groups, int granule) {
        int each = Math.ceilDiv(longest(groupOf, groups), granule) * granule;
        int[] source = new int[Math.multiplyExact(groups, each)];
        Arrays.fill(source, -1);
        int[] starts = new int[groups + 1];
        for (int g = 0; g <= groups; g++) {
            starts[g] = g * each;
        }
        int[] next = starts.clone();
        boolean same = true;
        for (int c = 0; c < groupOf.length; c++) {
            int place = next[groupOf[c]]++;
            source[place] = c;
            same &= place == c;
        }
        // places past the last column are no columns of x: whoever reads pads them
        return same ? new InputOrder(groupOf.length, null, starts) : new InputOrder(source.length, source, starts);
    }

    /// Inputs of the largest group.
    static int longest(int[] groupOf, int groups) {
        int[] counts = new int[groups];
        int most = 0;
        for (int group : groupOf) {
            most = Math.max(most, ++counts[group]);
        }
        return most;
    }

    int groups() {
        return starts.length - 1;
    }

    /// `tokens` rows of x in this order: `x` itself, still from `xAt`, where they are in order already, else the
    /// thread's own array from 0.
    float[] laidOut(float[] x, int xAt, int cols, int tokens, Scratch scratch) {
        if (source == null) {
            return x;
        }
        float[] target = scratch.floats(Scratch.GATHERED, Math.multiplyExact(tokens, length));
        for (int t = 0; t < tokens; t++) {
            for (int i = 0; i < length; i++) {
                target[t * length + i] = source[i] < 0 ? 0f : x[xAt + t * cols + source[i]];
            }
        }
        return target;
    }

    /// The sum of x over each group.
    void sums(float[] x, int xAt, float[] target, int at) {
        for (int g = 0; g < groups(); g++) {
            float sum = 0;
            for (int i = starts[g]; i < starts[g + 1]; i++) {
                sum += x[xAt + i];
            }
            target[at + g] = sum;
        }
    }
}
