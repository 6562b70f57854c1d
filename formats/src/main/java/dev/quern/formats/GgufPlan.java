package dev.quern.formats;

import dev.quern.core.BlockWeight;
import dev.quern.core.Shape;
import dev.quern.core.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;

/// A tensor to be written to a GGUF file; `shape` is outermost first, `data` is made when its turn comes.
public record GgufPlan(String name, Shape shape, GgufType type, Supplier<MemorySegment> data) {
    public GgufPlan {
        if (shape.rank() < 1 || shape.rank() > 4) {
            throw new IllegalArgumentException(name + ": GGUF holds 1 to 4 dimensions, not " + shape);
        }
        if (shape.sizes()[shape.rank() - 1] % type.weights() != 0) {
            throw new IllegalArgumentException(
                    name + ": rows of " + shape + " do not divide into " + type + " blocks of " + type.weights());
        }
    }

    /// A plan for a tensor that exists already.
    public static GgufPlan of(String name, Tensor tensor) {
        return new GgufPlan(name, tensor.shape(), GgufType.of(tensor.dtype()), tensor::data);
    }

    /// A plan for blocks that exist already.
    public static GgufPlan of(String name, BlockWeight weight) {
        return new GgufPlan(name, new Shape(weight.rows(), weight.cols()), GgufType.of(weight.type()), weight::data);
    }

    /// Bytes that the data takes.
    public long bytes() {
        return Math.multiplyExact(shape.count() / type.weights(), (long) type.bytes());
    }
}
