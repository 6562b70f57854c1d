package dev.quern.models;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// norm → q, k, v → (norm of each head) → rope → attention. `headNorms` are q's and k's norm, or null.
record AttentionInput(
        Norm norm, Linear q, Linear k, Linear v, @Nullable HeadNorms headNorms, Rope rope, Attention attention)
        implements Stage {
    @Override
    public List<Linear> linears() {
        return List.of(q, k, v);
    }

    @Override
    public <T> T input(Ops<T> ops, Flow<T> flow) {
        return ops.rmsNorm(norm, flow.residual());
    }

    @Override
    public <T> Flow<T> combine(Ops<T> ops, Flow<T> flow, List<T> products) {
        T queries = products.get(0);
        T keys = products.get(1);
        if (headNorms != null) {
            queries = ops.headNorm(headNorms.q(), queries, attention.nHeads());
            keys = ops.headNorm(headNorms.k(), keys, attention.nKvHeads());
        }
        queries = ops.rope(rope, queries, attention.nHeads());
        keys = ops.rope(rope, keys, attention.nKvHeads());
        return new Flow<>(flow.residual(), ops.attend(attention, queries, keys, products.get(2)));
    }
}
