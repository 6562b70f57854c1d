package dev.quern.formats;

import dev.quern.core.DType;
import dev.quern.core.QuernException;
import dev.quern.core.Shape;
import dev.quern.core.Tensor;
import dev.quern.core.TensorSource;
import java.util.Arrays;

/// Checked access to the tensors of one module: a file that lacks or bends one gives one line that names it.
record ModuleTensors(TensorSource source, String module) {
    boolean has(String part) {
        return source.names().contains(module + "." + part);
    }

    /// The tensor of this type and number of dimensions; `allowed` empty = any float.
    Tensor require(String part, int rank, DType... allowed) {
        if (!has(part)) {
            throw broken("the tensor " + module + "." + part + " is missing");
        }
        Tensor tensor = source.tensor(module + "." + part);
        boolean known = allowed.length == 0
                ? tensor.dtype().isFloat() && tensor.dtype() != DType.F64
                : Arrays.asList(allowed).contains(tensor.dtype());
        if (tensor.shape().rank() != rank || !known) {
            throw broken(part + " is " + tensor.dtype() + " " + tensor.shape() + ", expected "
                    + (allowed.length == 0 ? "floats" : Arrays.toString(allowed)) + " in " + rank + " dimensions");
        }
        return tensor;
    }

    /// The same of exactly this shape.
    Tensor require(String part, Shape shape, DType... allowed) {
        Tensor tensor = require(part, shape.rank(), allowed);
        if (!tensor.shape().equals(shape)) {
            throw broken(part + " is " + tensor.shape() + ", expected " + shape);
        }
        return tensor;
    }

    /// A dimension that is at least 1 and small enough for arrays.
    int size(String part, Tensor tensor, int dim) {
        long size = tensor.shape().sizes()[dim];
        if (size < 1 || size > Integer.MAX_VALUE / 32) {
            throw broken(part + " of shape " + tensor.shape() + " is empty or too large");
        }
        return (int) size;
    }

    /// `tensor` as a column `[n]`, which files store as `[n]` or `[n, 1]`.
    Tensor column(String part, int n, DType... allowed) {
        int rank = has(part) ? source.tensor(module + "." + part).shape().rank() : 1;
        Tensor tensor = rank == 2 ? require(part, new Shape(n, 1), allowed) : require(part, new Shape(n), allowed);
        return new Tensor(tensor.dtype(), new Shape(n), tensor.data());
    }

    QuernException broken(String reason) {
        return new QuernException(module + ": " + reason);
    }
}
