package dev.quern.methods;

import java.util.stream.IntStream;

/// Which of the calibration sequences judge what is learned from the others: every eighth, at least one; where there is
/// but one it serves for both.
final class HeldOut {
    private static final int EVERY = 8;

    private HeldOut() {}

    /// The sequences to learn from.
    static int[] training(int count) {
        return IntStream.range(0, count)
                .filter(i -> count < 2 || !judges(i, count))
                .toArray();
    }

    /// The sequences to judge by.
    static int[] judging(int count) {
        return IntStream.range(0, count)
                .filter(i -> count < 2 || judges(i, count))
                .toArray();
    }

    private static boolean judges(int i, int count) {
        return i % EVERY == Math.min(EVERY, count) - 1;
    }
}
