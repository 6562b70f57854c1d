package dev.quern.methods;

import dev.quern.core.GroupedWeight;
import dev.quern.core.PackedWeight;
import dev.quern.core.VectorWeight;
import dev.quern.models.Linear;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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

    /// Copies of everything that moves in `tuned`.
    static Map<Linear, List<float[]>> parameters(Map<Linear, TunedWeight> tuned) {
        Map<Linear, List<float[]>> state = new LinkedHashMap<>();
        tuned.forEach((linear, weight) -> state.put(
                linear, weight.parameters().stream().map(float[]::clone).toList()));
        return state;
    }

    /// Puts `tuned` where `parameters` says.
    static void set(Map<Linear, TunedWeight> tuned, Map<Linear, List<float[]>> parameters) {
        parameters.forEach((linear, from) -> {
            List<float[]> into =
                    Objects.requireNonNull(tuned.get(linear), linear.name()).parameters();
            for (int i = 0; i < from.size(); i++) {
                System.arraycopy(from.get(i), 0, into.get(i), 0, from.get(i).length);
            }
        });
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
