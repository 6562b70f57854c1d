package dev.quern.models;

import dev.quern.core.PackedWeight;
import dev.quern.core.QuernException;
import dev.quern.core.Shape;
import java.util.ArrayList;
import java.util.List;

/// One parameter of a network: its name in the Hugging Face scheme and the shape that the config promises, `[out, in]`
/// for a matrix and `[size]` for a norm or a bias.
public record Parameter(String name, Shape shape) {
    /// All parameters of `network` in the order of computation; a tied head is the embedding and not listed again.
    public static List<Parameter> of(Network network) {
        List<Parameter> all = new ArrayList<>();
        Embedding table = network.embedding();
        all.add(new Parameter(table.name(), new Shape(table.vocabSize(), table.hiddenSize())));
        for (Linear linear : network.linears()) {
            all.addAll(of(linear));
        }
        for (Norm norm : network.norms()) {
            all.add(new Parameter(norm.name(), new Shape(norm.size())));
        }
        if (!network.tied()) {
            all.addAll(of(network.head()));
        }
        return all;
    }

    private static List<Parameter> of(Linear linear) {
        Parameter weight = new Parameter(linear.weightName(), new Shape(linear.outFeatures(), linear.inFeatures()));
        return linear.bias()
                ? List.of(weight, new Parameter(linear.biasName(), new Shape(linear.outFeatures())))
                : List.of(weight);
    }

    /// True for a matrix.
    public boolean isMatrix() {
        return shape.rank() == 2;
    }

    /// The matrix in `source`, which must have the promised shape.
    public PackedWeight weight(WeightSource source) {
        PackedWeight weight = source.weight(name);
        require(new Shape(weight.rows(), weight.cols()));
        return weight;
    }

    /// The vector in `source`, which must have the promised size.
    public float[] vector(WeightSource source) {
        float[] values = source.vector(name);
        require(new Shape(values.length));
        return values;
    }

    private void require(Shape found) {
        if (!found.equals(shape)) {
            throw new QuernException("tensor " + name + " is " + found + " but config.json asks for " + shape
                    + ": the weights belong to another config");
        }
    }
}
