package dev.quern.torch;

import dev.quern.core.KvScheme;
import dev.quern.models.Attention;
import java.util.ArrayList;
import java.util.List;

/// Attention over a quantized KV cache, simulated: each token sees old positions as what their codes stand for and
/// recent ones as they are, exactly as a session that adds tokens one by one.
final class TorchKv {
    private static final int BLOCK = KvScheme.BLOCK;

    private TorchKv() {}

    static TorchTensor attend(KvScheme scheme, Attention attention, TorchTensor q, TorchTensor k, TorchTensor v) {
        int tokens = q.size(0);
        int closed = scheme.closedBlocks(tokens - 1) * BLOCK;
        TorchTensor seen = seenAsCodes(scheme, tokens);
        TorchTensor asIs = seen.neg().add(1);
        TorchTensor queries = TorchOps.heads(attention, q, attention.nHeads()).mul(attention.scale());
        TorchTensor scores = scores(attention, queries, k)
                .mul(asIs)
                .add(scores(attention, queries, join(keys(scheme, k, closed), k, closed))
                        .mul(seen))
                .add(TorchOps.mask(tokens, attention.window() == 0 ? tokens : attention.window()));
        TorchTensor weights = scores.softmax(-1);
        TorchTensor codes = join(values(scheme, attention, v, closed), v, closed);
        TorchTensor result = weights.mul(asIs)
                .matmul(TorchOps.heads(attention, v, attention.nKvHeads()))
                .add(weights.mul(seen).matmul(TorchOps.heads(attention, codes, attention.nKvHeads())));
        return result.select(0, 0).transpose(0, 1).reshape(tokens, (long) attention.nHeads() * attention.headDim());
    }

    private static TorchTensor scores(Attention attention, TorchTensor queries, TorchTensor k) {
        return queries.matmul(TorchOps.heads(attention, k, attention.nKvHeads()).transpose());
    }

    /// 1 where the token of a row sees the position of a column as codes: `[tokens, tokens]`.
    private static TorchTensor seenAsCodes(KvScheme scheme, int tokens) {
        float[] seen = new float[Math.multiplyExact(tokens, tokens)];
        for (int t = 0; t < tokens; t++) {
            for (int p = scheme.first(); p < scheme.closedBlocks(t) * BLOCK; p++) {
                seen[t * tokens + p] = 1;
            }
        }
        return TorchTensor.of(seen, tokens, tokens);
    }

    private static TorchTensor join(TorchTensor codes, TorchTensor asIs, int closed) {
        return TorchTensor.cat(List.of(codes, asIs.slice(0, closed, asIs.size(0))), 0);
    }

    /// Per channel over runs of positions.
    private static TorchTensor keys(KvScheme scheme, TorchTensor k, int closed) {
        int width = k.size(1);
        TorchTensor ranged = k.slice(0, 0, closed);
        if (scheme.first() > 0) {
            // the first positions do not count for ranges: another of their group stands in for them
            TorchTensor other = k.slice(0, scheme.first(), scheme.first() + 1).expand(scheme.first(), width);
            ranged = TorchTensor.cat(List.of(other, k.slice(0, scheme.first(), closed)), 0);
        }
        TorchTensor groups = ranged.reshape(closed / scheme.groupSize(), scheme.groupSize(), width);
        return codes(scheme, groups, 1).reshape(closed, width);
    }

    /// Per token over runs of features of a head; the last run of a head may be short.
    private static TorchTensor values(KvScheme scheme, Attention attention, TorchTensor v, int closed) {
        int headDim = attention.headDim();
        TorchTensor heads = v.slice(0, 0, closed).reshape(closed, attention.nKvHeads(), headDim);
        List<TorchTensor> parts = new ArrayList<>();
        for (int from = 0; from < headDim; from += scheme.groupSize()) {
            parts.add(codes(scheme, heads.slice(2, from, Math.min(headDim, from + scheme.groupSize())), 2));
        }
        return TorchTensor.cat(parts, 2).reshape(closed, v.size(1));
    }

    /// `minimum + scale · code`, both rounded to F16 first.
    private static TorchTensor codes(KvScheme scheme, TorchTensor x, int dim) {
        TorchTensor low = x.min(dim).toHalfStraight();
        TorchTensor scale = x.max(dim)
                .sub(x.min(dim))
                .div(TorchTensor.scalar(scheme.qmax()))
                .toHalfStraight();
        // a scale of 0 makes every code 0
        TorchTensor divisor = scale.where(scale.atLeast(Float.MIN_VALUE), 1);
        return x.sub(low)
                .div(divisor)
                .roundStraight()
                .clamp(0, scheme.qmax())
                .mul(scale)
                .add(low);
    }
}
