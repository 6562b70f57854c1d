package dev.quern.models;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// The inner value back into the residual stream (`o` or `down`), through a norm of its own where the family has one.
record Projection(Linear linear, @Nullable Norm postNorm) implements Stage {
    @Override
    public List<Linear> linears() {
        return List.of(linear);
    }

    @Override
    public @Nullable Norm norm() {
        return null;
    }

    @Override
    public <T> T input(Ops<T> ops, Flow<T> flow) {
        return flow.requireInner();
    }

    @Override
    public <T> Flow<T> combine(Ops<T> ops, Flow<T> flow, List<T> products) {
        T product = products.getFirst();
        T addend = postNorm == null ? product : ops.rmsNorm(postNorm, product);
        return new Flow<>(ops.add(flow.residual(), addend));
    }
}
