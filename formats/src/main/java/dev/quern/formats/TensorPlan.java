package dev.quern.formats;

import dev.quern.core.DType;
import dev.quern.core.Shape;
import dev.quern.core.Tensor;
import java.util.function.Supplier;

/// A tensor to be written: its place in the header is known now, its data is made when its turn comes.
///
/// `data` is called once, and what it returns is read before the next plan's `data` is called; it must have the
/// promised
/// type and shape.
public record TensorPlan(String name, DType dtype, Shape shape, Supplier<Tensor> data) {
    /// A plan for a tensor that exists already.
    public static TensorPlan of(String name, Tensor tensor) {
        return new TensorPlan(name, tensor.dtype(), tensor.shape(), () -> tensor);
    }

    /// Bytes that the data takes.
    public long bytes() {
        return Math.multiplyExact(shape.count(), (long) dtype.bytes());
    }
}
