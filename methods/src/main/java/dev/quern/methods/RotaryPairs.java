package dev.quern.methods;

import dev.quern.torch.TorchTensor;
import java.util.List;

/// One complex number `ρ · e^{iφ}` for each rotary pair of each kv head: all that a transform of keys and queries may
/// be
/// under rotary embeddings, for exactly these commute with the rotations.
///
/// Keys are multiplied by it, queries by `e^{iφ} / ρ`, so that `Re Σ q · conj(k)` stays. Weights hold pairs as halves
/// `(i, i + headDim / 2)`. Query heads share the number of their kv head.
record RotaryPairs(int nHeads, int nKvHeads, int headDim) {
    /// `log ρ` and `φ`, both `[nKvHeads, headDim / 2]`, starting at the number 1.
    List<Learned> begin(String site) {
        int half = headDim / 2;
        return List.of(
                new Learned(site + ".magnitude", Learned.Part.SCALE, new double[nKvHeads * half], nKvHeads, half),
                new Learned(site + ".phase", Learned.Part.MATRIX, new double[nKvHeads * half], nKvHeads, half));
    }

    /// The keys' rows `[nKvHeads · headDim, n]` (or a bias as `n = 1`) transformed.
    TorchTensor keys(TorchTensor rows, TorchTensor magnitude, TorchTensor phase) {
        return turn(rows, nKvHeads, magnitude.exp(), phase);
    }

    /// The queries' rows `[nHeads · headDim, n]` transformed.
    TorchTensor queries(TorchTensor rows, TorchTensor magnitude, TorchTensor phase) {
        int repeats = nHeads / nKvHeads;
        return turn(rows, nHeads, repeat(magnitude.neg().exp(), repeats), repeat(phase, repeats));
    }

    private static TorchTensor repeat(TorchTensor values, int repeats) {
        int half = values.size(1);
        int heads = values.size(0);
        return values.reshape(heads, 1, half).expand(heads, repeats, half).reshape((long) heads * repeats, half);
    }

    private TorchTensor turn(TorchTensor rows, int heads, TorchTensor magnitude, TorchTensor phase) {
        int half = headDim / 2;
        int n = rows.size(1);
        TorchTensor pairs = rows.reshape(heads, 2, half, n);
        TorchTensor a = pairs.select(1, 0);
        TorchTensor b = pairs.select(1, 1);
        TorchTensor cos = magnitude.mul(phase.cos()).reshape(heads, half, 1).like(rows);
        TorchTensor sin = magnitude.mul(phase.sin()).reshape(heads, half, 1).like(rows);
        return TorchTensor.cat(List.of(a.mul(cos).sub(b.mul(sin)), a.mul(sin).add(b.mul(cos))), 1)
                .reshape((long) heads * headDim, n);
    }
}
