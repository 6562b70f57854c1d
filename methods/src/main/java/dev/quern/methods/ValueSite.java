package dev.quern.methods;

import dev.quern.models.Linear;
import java.util.Arrays;
import java.util.List;

/// v and o: attention mixes tokens, not channels, so each output of v carries a scale of its own to the inputs of o.
///
/// With grouped queries several heads of o read one head of v and share its scales: input `(u, c)` of o reads output
/// `(u / (heads / kvHeads), c)` of v.
public record ValueSite(Linear v, Linear o, int heads, int kvHeads, int headDim) implements Site {
    @Override
    public String name() {
        return Sites.shortName(v.name()) + " → " + Sites.shortName(o.name());
    }

    @Override
    public int channels() {
        return kvHeads * headDim;
    }

    @Override
    public List<Linear> consumers() {
        return List.of(o);
    }

    @Override
    public int channel(int input) {
        return input / headDim / (heads / kvHeads) * headDim + input % headDim;
    }

    @Override
    public void fold(BlockParameters parameters, double[] scale) {
        check(scale);
        parameters.scaleRows(v, Arrays.stream(scale).map(s -> 1 / s).toArray());
        double[] wide = new double[o.inFeatures()];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = scale[channel(i)];
        }
        parameters.scaleColumns(o, wide);
    }
}
