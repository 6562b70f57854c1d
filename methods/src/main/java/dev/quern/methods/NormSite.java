package dev.quern.methods;

import dev.quern.models.Linear;
import dev.quern.models.Norm;
import java.util.List;

/// A norm and all Linears that read its output: the norm's effective weight is divided, `w ← (w + offset)/s − offset`.
public record NormSite(Norm norm, List<Linear> consumers) implements Site {
    @Override
    public String name() {
        return Sites.shortName(norm.name()) + " → " + Sites.shortNames(consumers);
    }

    @Override
    public int channels() {
        return norm.size();
    }

    @Override
    public int channel(int input) {
        return input;
    }

    @Override
    public void fold(BlockParameters parameters, double[] scale) {
        check(scale);
        float[] weight = parameters.norm(norm);
        for (int i = 0; i < weight.length; i++) {
            weight[i] = (float) (((double) weight[i] + norm.offset()) / scale[i] - norm.offset());
        }
        consumers.forEach(linear -> parameters.scaleColumns(linear, scale));
    }
}
