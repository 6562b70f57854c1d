package dev.quern.methods;

import dev.quern.models.Block;
import java.util.Arrays;
import java.util.function.Function;
import java.util.stream.IntStream;

/// Tries a weight method by walking part of the calibration text through the block as the pipeline would: codes are
/// chosen with the moments of what they will multiply, stage by stage. Judged by the sequences held out from learning;
/// their moments count among the others, as they do when the block's codes are chosen for good.
///
/// The walk itself stays where it is. Costs what the method takes for the block on that text.
final class WalkedTrial implements BlockTrial {
    /// Text that codes are chosen by.
    private static final int TOKENS = 16384;

    private final CalibratedWalk walk;
    private final Block block;
    private final Function<BlockParameters, CalibratedWalk.StageQuantizer> quantizers;
    private final int[] sequences;
    private final int[] judged;

    WalkedTrial(CalibratedWalk walk, Block block, Function<BlockParameters, CalibratedWalk.StageQuantizer> quantizers) {
        this.walk = walk;
        this.block = block;
        this.quantizers = quantizers;
        int[] judging = HeldOut.judging(walk.sequences());
        int[] training = HeldOut.training(walk.sequences());
        int longest =
                IntStream.range(0, walk.sequences()).map(walk::tokens).max().orElse(1);
        int count = (int) Math.clamp(TOKENS / (long) Math.max(1, longest), 1, training.length);
        int[] few = IntStream.range(0, count)
                .map(k -> training[k * training.length / count])
                .toArray();
        this.sequences = IntStream.concat(Arrays.stream(judging), Arrays.stream(few))
                .distinct()
                .sorted()
                .toArray();
        this.judged = IntStream.range(0, sequences.length)
                .filter(k -> Arrays.stream(judging).anyMatch(i -> i == sequences[k]))
                .toArray();
    }

    @Override
    public double error(BlockParameters candidate) {
        CalibratedWalk fork = walk.fork(sequences);
        fork.advance(block, candidate, quantizers.apply(candidate));
        return fork.error(judged);
    }
}
