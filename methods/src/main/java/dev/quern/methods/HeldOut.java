package dev.quern.methods;

import java.util.stream.IntStream;

/// Which of the calibration sequences judge what is learned from the others: one of eight, spread evenly, at least one
/// and sixteen at most, which tell two states apart well enough; where there is but one it serves for both.
final class HeldOut {
    private static final int ONE_OF = 8;
    private static final int MOST = 16;

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
        int every = Math.max(Math.min(ONE_OF, count), count / MOST);
        return i % every == every - 1 && i / every < MOST;
    }
}
