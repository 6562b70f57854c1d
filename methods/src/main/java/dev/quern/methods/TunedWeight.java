package dev.quern.methods;

import dev.quern.core.GroupedWeight;
import dev.quern.core.PackedWeight;
import dev.quern.core.VectorWeight;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A packed weight `[rows, cols]` in training: its codes stand, and the numbers that give them values move.
interface TunedWeight {
    /// `stored` made ready; empty where nothing of it can be trained.
    static Optional<TunedWeight> of(PackedWeight stored) {
        return switch (stored) {
            case VectorWeight vectors -> Optional.of(new TunedVectors(vectors));
            case GroupedWeight groups -> Optional.of(new TunedGroups(groups));
            default -> Optional.empty();
        };
    }

    /// Everything that moves, to be changed in place.
    List<float[]> parameters();

    /// What one unit of each parameter's rate is: the size of its numbers.
    double[] sizes();

    /// Writes rows `from … to` of the weight to their place in `target [rows, cols]`.
    void fill(int from, int to, float[] target);

    /// Adds the parameters' gradients, given that of the weight, `[rows, cols]` at the beginning of `weight`,
    /// to `sums` (as `parameters` lists them).
    void gradients(float[] weight, List<double[]> sums);

    /// The weight as it now is, at the types it was stored in; codes are the same bytes.
    PackedWeight pack();

    /// Zeros shaped like `parameters`.
    default List<double[]> zeros() {
        List<double[]> zeros = new ArrayList<>();
        parameters().forEach(p -> zeros.add(new double[p.length]));
        return zeros;
    }
}
