package dev.quern.methods;

import dev.quern.torch.TorchTensor;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;

/// Which calibration sequences a block is trained and judged on, and how much of each: bounded work, however much text
/// there is.
///
/// The beginning of each sequence is used, up to `LENGTH` tokens: a block is causal, so it computes there what it
/// computes
/// in the whole. Each pass shows some of a pool of sequences, drawn anew by the seed; all is fixed by it.
final class TrainingSequences {
    private static final int LENGTH = 512;
    private static final int JUDGED_TOKENS = 4096;
    /// The pool holds this many passes.
    private static final int POOL = 4;

    private final BlockTask task;
    private final int[] pool;
    private final int[] judged;
    private final int perPass;

    /// `tokens` are shown in a pass, 0 = all.
    TrainingSequences(BlockTask task, int tokens) {
        this.task = task;
        int[] training = task.training();
        perPass = tokens == 0 ? training.length : Math.clamp(tokens / longest(training), 1, training.length);
        pool = spread(training, Math.min(training.length, POOL * perPass));
        int[] heldOut = task.heldOut();
        judged = spread(heldOut, Math.clamp(JUDGED_TOKENS / longest(heldOut), 1, heldOut.length));
    }

    private int longest(int[] sequences) {
        return Arrays.stream(sequences).map(this::length).max().orElse(1);
    }

    /// `count` of `sequences`, evenly spread.
    private static int[] spread(int[] sequences, int count) {
        return IntStream.range(0, count)
                .map(i -> sequences[(int) ((long) i * sequences.length / count)])
                .toArray();
    }

    /// Tokens of sequence `i` that are used.
    int length(int i) {
        return Math.min(task.inputs().tokens(i), LENGTH);
    }

    /// All that `pass` may show.
    int[] pool() {
        return pool.clone();
    }

    /// Those to judge by.
    int[] judged() {
        return judged.clone();
    }

    /// Those of one pass, in their order.
    int[] pass(int epoch) {
        int[] order = pool.clone();
        Random random = new Random(task.seed() * 31 + epoch);
        for (int i = order.length - 1; i > 0; i--) {
            int j = random.nextInt(i + 1);
            int kept = order[i];
            order[i] = order[j];
            order[j] = kept;
        }
        return Arrays.copyOf(order, perPass);
    }

    int perPass() {
        return perPass;
    }

    /// The used part of sequence `i` in the float model, in the open scope.
    TorchTensor exact(int i) {
        return task.exact(i).slice(0, 0, length(i));
    }

    /// The used part of sequence `i` behind the quantized prefix, in the open scope.
    TorchTensor quantized(int i) {
        return task.quantized(i).slice(0, 0, length(i));
    }
}
