package dev.quern.models;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// A step of a block around one set of Linears that read the same input: `input` makes it, `combine` takes the products
/// on. A block is its stages in order, so a quantizer can stop before any set of Linears, look at their common input
/// and
/// go on with other weights, and the forward pass is still written once.
public interface Stage {
    /// The Linears of this stage, in the order that `combine` expects their products.
    List<Linear> linears();

    /// The norm whose output the Linears read; null where they read an inner value.
    @Nullable
    Norm norm();

    /// The norms over each head that its queries and keys pass before the rotary embedding; null where there are none.
    default @Nullable HeadNorms headNorms() {
        return null;
    }

    /// The input that all Linears of this stage read.
    <T> T input(Ops<T> ops, Flow<T> flow);

    /// What flows on, given the Linears' products.
    <T> Flow<T> combine(Ops<T> ops, Flow<T> flow, List<T> products);

    /// The whole stage.
    default <T> Flow<T> run(Ops<T> ops, Flow<T> flow) {
        return combine(ops, flow, ops.linears(linears(), input(ops, flow)));
    }
}
