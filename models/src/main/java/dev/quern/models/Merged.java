package dev.quern.models;

import dev.quern.core.PackedWeight;
import java.util.HashMap;
import java.util.Map;

/// Weights with their corrections folded in, for a file that holds one matrix for each Linear.
final class Merged {
    private Merged() {}

    /// `source` itself where nothing is corrected; else corrected matrices are dense float32.
    static WeightSource of(WeightSource source, Network network) {
        Map<String, LowRank> corrections = new HashMap<>();
        network.linears()
                .forEach(linear -> source.correction(linear)
                        .ifPresent(correction -> corrections.put(linear.weightName(), correction)));
        source.correction(network.head())
                .ifPresent(correction -> corrections.put(network.head().weightName(), correction));
        if (corrections.isEmpty()) {
            return source;
        }
        return new WeightSource() {
            @Override
            public boolean has(String name) {
                return source.has(name);
            }

            @Override
            public PackedWeight weight(String name) {
                PackedWeight weight = source.weight(name);
                LowRank correction = corrections.get(name);
                return correction == null ? weight : correction.mergedInto(weight);
            }

            @Override
            public float[] vector(String name) {
                return source.vector(name);
            }
        };
    }
}
