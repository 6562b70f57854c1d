package dev.quern.methods;

import dev.quern.torch.TorchTensor;

/// What the calibration sequences are where a block begins: `[tokens, hiddenSize]` each, made in the open scope at
/// every
/// call. Safe for use by many threads.
public interface BlockInputs {
    /// The number of sequences.
    int sequences();

    /// Tokens of sequence `i`.
    int tokens(int i);

    /// The residual stream of sequence `i` in the float model.
    TorchTensor exact(int i);

    /// The residual stream of sequence `i` behind the blocks that are quantized already.
    TorchTensor quantized(int i);
}
