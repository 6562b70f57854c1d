package dev.quern.models;

import java.util.List;

/// One transformer layer as its stages in order.
public record Block(int layer, List<Stage> stages) {
    /// Residual stream in, residual stream out.
    public <T> T forward(Ops<T> ops, T x) {
        Flow<T> flow = new Flow<>(x);
        for (Stage stage : stages) {
            flow = stage.run(ops, flow);
        }
        return flow.residual();
    }

    /// All Linears of the block, in the order of computation.
    public List<Linear> linears() {
        return stages.stream().flatMap(s -> s.linears().stream()).toList();
    }
}
