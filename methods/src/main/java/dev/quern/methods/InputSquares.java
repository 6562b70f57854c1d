package dev.quern.methods;

import dev.quern.core.Progress;
import dev.quern.core.QuernException;
import dev.quern.formats.Imatrix;
import dev.quern.models.Block;
import dev.quern.models.Checkpoint;
import dev.quern.models.Flow;
import dev.quern.models.GgufNames;
import dev.quern.models.Linear;
import dev.quern.models.Network;
import dev.quern.models.Stage;
import dev.quern.models.WeightSource;
import dev.quern.torch.Torch;
import dev.quern.torch.TorchOps;
import dev.quern.torch.TorchScope;
import dev.quern.torch.TorchTensor;
import dev.quern.torch.TorchWeights;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;

/// Runs text through a model as it is, block by block, and sums the squares of each Linear's inputs: the importance
/// matrix that GGUF encoders ask for.
///
/// Sums are in float64 for each stretch of text, and stretches are added in order, so results do not depend on the
/// number of threads. Peak memory holds one block and what flows in all stretches.
public final class InputSquares {
    private final Network network;
    private final WeightSource source;
    private final GgufNames names;
    private final Parallel parallel;
    private final Progress progress;
    private final ActivationStream stream;
    private final long tokens;
    private final Map<String, Imatrix.Entry> entries = new LinkedHashMap<>();

    private InputSquares(Checkpoint checkpoint, List<int[]> sequences, Parallel parallel, Progress progress) {
        this.network = checkpoint.network();
        this.source = checkpoint.weights();
        this.names = new GgufNames(checkpoint.architecture());
        this.parallel = parallel;
        this.progress = progress;
        this.stream = new ActivationStream(sequences);
        this.tokens = sequences.stream().mapToLong(s -> s.length).sum();
        TorchOps ops = new TorchOps(TorchWeights.streaming(source));
        run(sequences.size(), i -> stream.set(i, new Flow<>(ops.embed(network.embedding(), sequences.get(i)))));
    }

    /// The importance matrix of `checkpoint` over `sequences`, stretches of equal length of the text called `dataset`.
    public static Imatrix measure(
            Checkpoint checkpoint, List<int[]> sequences, String dataset, Parallel parallel, Progress progress) {
        InputSquares squares = new InputSquares(checkpoint, sequences, parallel, progress);
        for (Block block : squares.network.blocks()) {
            squares.advance(block);
        }
        return new Imatrix(squares.entries, List.of(dataset), sequences.size(), sequences.getFirst().length);
    }

    private void advance(Block block) {
        progress.at(
                "running block " + block.layer(),
                block.layer(),
                network.blocks().size());
        TorchScope.run(() -> {
            TorchOps ops = new TorchOps(new BlockWeights(block, source));
            for (Stage stage : block.stages()) {
                int hidden = network.config().hiddenSize();
                double[][] sums = new double[stream.sequences()][];
                run(sums.length, i -> {
                    Flow<TorchTensor> flow = stream.get(i, hidden);
                    sums[i] = squares(stage.input(ops, flow));
                    stream.set(i, stage.run(ops, flow));
                });
                Imatrix.Entry entry = new Imatrix.Entry(total(sums, stage), tokens);
                for (Linear linear : stage.linears()) {
                    names.of(linear.weightName()).ifPresent(name -> entries.put(name, entry));
                }
            }
        });
    }

    private static double[] squares(TorchTensor input) {
        int size = input.size(1);
        float[] values = new float[Math.toIntExact(input.count())];
        input.copyTo(values, 0);
        double[] sums = new double[size];
        for (int at = 0; at < values.length; at += size) {
            for (int i = 0; i < size; i++) {
                sums[i] += (double) values[at + i] * values[at + i];
            }
        }
        return sums;
    }

    private static float[] total(double[][] sums, Stage stage) {
        float[] total = new float[sums[0].length];
        for (int i = 0; i < total.length; i++) {
            double sum = 0;
            for (double[] of : sums) {
                sum += of[i];
            }
            if (!(sum < Float.MAX_VALUE)) {
                throw new QuernException(stage.linears().getFirst().name() + ": input " + i
                        + " is not finite on this text; the model is damaged, check it with quern eval");
            }
            total[i] = (float) sum;
        }
        return total;
    }

    private void run(int tasks, IntConsumer body) {
        parallel.run(
                tasks,
                task -> TorchScope.run(() -> Torch.noGrad(() -> {
                    body.accept(task);
                    return task;
                })));
    }
}
