package dev.quern.methods;

import dev.quern.models.Linear;
import java.util.Arrays;
import java.util.List;

/// up and down of a gated feed-forward: `activation(gate) · up` is linear in up, so up's outputs carry scales to the
/// inputs of down.
public record UpSite(Linear up, Linear down) implements Site {
    @Override
    public String name() {
        return Sites.shortName(up.name()) + " → " + Sites.shortName(down.name());
    }

    @Override
    public int channels() {
        return up.outFeatures();
    }

    @Override
    public List<Linear> consumers() {
        return List.of(down);
    }

    @Override
    public int channel(int input) {
        return input;
    }

    @Override
    public void fold(BlockParameters parameters, double[] scale) {
        check(scale);
        parameters.scaleRows(up, Arrays.stream(scale).map(s -> 1 / s).toArray());
        parameters.scaleColumns(down, scale);
    }
}
