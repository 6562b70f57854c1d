package dev.quern.methods;

import dev.quern.core.PackedWeight;
import dev.quern.models.Block;
import dev.quern.models.Flow;
import dev.quern.models.Linear;
import dev.quern.models.Network;
import dev.quern.models.Stage;
import dev.quern.models.WeightSource;
import dev.quern.torch.Torch;
import dev.quern.torch.TorchOps;
import dev.quern.torch.TorchScope;
import dev.quern.torch.TorchTensor;
import dev.quern.torch.TorchWeights;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/// Carries the calibration sequences through a network, stage by stage, in the quantized model and, where a method
/// wants to know the drift, in the float model beside it.
///
/// Each stage's Linears are chosen from inputs that all earlier, already quantized Linears produced ("true
/// sequential"), and then one pass takes the sequences on with what was chosen. Sequences are spread over the workers;
/// sums have a
/// fixed order, so results do not depend on how many there are.
final class CalibratedWalk {
    /// Tokens whose inputs are in memory at a time while moments are gathered.
    private static final int CHUNK_TOKENS = 2048;

    /// Chooses the weights of one stage.
    interface StageQuantizer {
        /// True where `quantize` wants the moments of the stage's inputs.
        boolean wantsStatistics(Stage stage);

        /// The stored forms of those Linears of the stage that are to be replaced.
        Map<Linear, PackedWeight> quantize(Stage stage, @Nullable Hessian hessian);
    }

    private final Network network;
    private final WeightSource source;
    private final ActivationStream stream;
    private final @Nullable ActivationStream reference;
    private final Parallel parallel;
    private final int hiddenSize;
    /// The inputs of a chunk of tokens, used again for every one.
    private float[] inputs = {};
    private float[] exactInputs = {};

    CalibratedWalk(Network network, WeightSource source, CalibrationSet calibration, boolean drift, Parallel parallel) {
        this.network = network;
        this.source = source;
        this.stream = new ActivationStream(calibration.sequences());
        this.reference = drift ? new ActivationStream(calibration.sequences()) : null;
        this.parallel = parallel;
        this.hiddenSize = network.config().hiddenSize();
        embed(calibration.sequences());
    }

    private void embed(List<int[]> sequences) {
        TorchOps ops = new TorchOps(TorchWeights.streaming(source));
        each(i -> {
            Flow<TorchTensor> flow = new Flow<>(ops.embed(network.embedding(), sequences.get(i)));
            stream.set(i, flow);
            if (reference != null) {
                reference.set(i, flow);
            }
        });
    }

    /// Takes the sequences through `block`, whose Linears `quantizer` replaces on the way.
    void advance(Block block, StageQuantizer quantizer) {
        TorchScope.run(() -> {
            BlockWeights exact = new BlockWeights(block, source);
            BlockWeights chosen = exact.copy();
            TorchOps ops = new TorchOps(chosen);
            TorchOps exactOps = new TorchOps(exact);
            for (Stage stage : block.stages()) {
                Hessian hessian = quantizer.wantsStatistics(stage) ? gather(stage, ops, exactOps) : null;
                quantizer.quantize(stage, hessian).forEach(chosen::replace);
                each(i -> {
                    stream.set(i, stage.run(ops, stream.get(i, hiddenSize)));
                    if (reference != null) {
                        reference.set(i, stage.run(exactOps, reference.get(i, hiddenSize)));
                    }
                });
            }
        });
    }

    private Hessian gather(Stage stage, TorchOps ops, TorchOps exactOps) {
        int size = stage.linears().getFirst().inFeatures();
        HessianSum sum = new HessianSum(size, reference != null, parallel);
        int count = stream.sequences();
        for (int from = 0; from < count; ) {
            int to = from + 1;
            int rows = stream.tokens(from);
            while (to < count && rows + stream.tokens(to) <= CHUNK_TOKENS) {
                rows += stream.tokens(to++);
            }
            inputs = grown(inputs, Math.multiplyExact(rows, size));
            exactInputs = reference == null ? exactInputs : grown(exactInputs, rows * size);
            float[] chunk = inputs;
            float[] exactChunk = exactInputs;
            int start = from;
            run(to - from, k -> {
                int offset = 0;
                for (int i = start; i < start + k; i++) {
                    offset += stream.tokens(i) * size;
                }
                stage.input(ops, stream.get(start + k, hiddenSize)).copyTo(chunk, offset);
                if (reference != null) {
                    stage.input(exactOps, reference.get(start + k, hiddenSize)).copyTo(exactChunk, offset);
                }
            });
            sum.add(chunk, reference == null ? null : exactChunk, rows);
            from = to;
        }
        return sum.finish();
    }

    private static float[] grown(float[] array, int length) {
        return array.length >= length ? array : new float[length];
    }

    private void each(IntConsumer body) {
        run(stream.sequences(), body);
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
