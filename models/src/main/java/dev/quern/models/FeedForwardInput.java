package dev.quern.models;

import java.util.List;

/// norm → gate, up → `activation(gate) · up`.
record FeedForwardInput(Norm norm, Linear gate, Linear up, Activation activation) implements Stage {
    @Override
    public List<Linear> linears() {
        return List.of(gate, up);
    }

    @Override
    public <T> T input(Ops<T> ops, Flow<T> flow) {
        return ops.rmsNorm(norm, flow.residual());
    }

    @Override
    public <T> Flow<T> combine(Ops<T> ops, Flow<T> flow, List<T> products) {
        return new Flow<>(flow.residual(), ops.gate(activation, products.get(0), products.get(1)));
    }
}
