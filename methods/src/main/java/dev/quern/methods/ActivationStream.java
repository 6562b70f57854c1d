package dev.quern.methods;

import dev.quern.models.Flow;
import dev.quern.torch.TorchTensor;
import java.util.Arrays;
import java.util.List;

/// What flows through a network for all calibration sequences at the place where the pipeline stands: the residual
/// stream and, between the stages of a block, the inner value.
///
/// Arrays are kept and reused from block to block, so memory does not grow with depth. Two threads may work on
/// different sequences.
final class ActivationStream {
    private final float[][] residual;
    private final float[][] inner;
    private final int[] innerWidth;
    private final int[] tokens;

    ActivationStream(List<int[]> sequences) {
        int count = sequences.size();
        residual = new float[count][0];
        inner = new float[count][0];
        innerWidth = new int[count];
        tokens = sequences.stream().mapToInt(s -> s.length).toArray();
    }

    /// A copy of what flows in some of the sequences.
    ActivationStream copy(int[] sequences) {
        ActivationStream copy = new ActivationStream(
                Arrays.stream(sequences).mapToObj(i -> new int[tokens[i]]).toList());
        for (int i = 0; i < sequences.length; i++) {
            copy.residual[i] = residual[sequences[i]].clone();
            copy.inner[i] = inner[sequences[i]].clone();
            copy.innerWidth[i] = innerWidth[sequences[i]];
        }
        return copy;
    }

    int sequences() {
        return tokens.length;
    }

    int tokens(int sequence) {
        return tokens[sequence];
    }

    /// True where an inner value flows, in every sequence.
    boolean hasInner() {
        return innerWidth.length > 0 && innerWidth[0] > 0;
    }

    /// Replaces what flows in `sequence`.
    void set(int sequence, Flow<TorchTensor> flow) {
        residual[sequence] = store(residual[sequence], flow.residual());
        TorchTensor value = flow.inner();
        if (value == null) {
            innerWidth[sequence] = 0;
        } else {
            innerWidth[sequence] = value.size(1);
            inner[sequence] = store(inner[sequence], value);
        }
    }

    /// Replaces the residual stream of `sequence` by `values`, which is owned from now on; the inner value is gone.
    void restore(int sequence, float[] values) {
        residual[sequence] = values;
        innerWidth[sequence] = 0;
    }

    private static float[] store(float[] old, TorchTensor value) {
        int count = Math.toIntExact(value.count());
        float[] target = old.length >= count ? old : new float[count];
        value.copyTo(target, 0);
        return target;
    }

    /// What flows in `sequence`, as tensors of the open scope.
    Flow<TorchTensor> get(int sequence, int hiddenSize) {
        TorchTensor x = TorchTensor.ofRange(residual[sequence], 0, tokens[sequence], hiddenSize);
        int width = innerWidth[sequence];
        return width == 0
                ? new Flow<>(x)
                : new Flow<>(x, TorchTensor.ofRange(inner[sequence], 0, tokens[sequence], width));
    }
}
