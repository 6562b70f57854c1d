package dev.quern.methods;

import dev.quern.models.HeadNorms;
import dev.quern.models.Linear;
import dev.quern.models.Norm;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Queries and keys: scores are products of the two, so keys may be multiplied and queries divided by one scale a
/// rotary pair `(i, i + headDim/2)`. A scale of its own for each half of a pair would not commute with the rotation.
///
/// Channel `head · headDim/2 + pair` is pair `pair` of kv head `head`; all query heads that read it are divided.
/// Where norms of heads stand between (Qwen3, Gemma 3), the scales go into their weights, which all heads share: there
/// are `headDim/2` channels then.
public record QueryKeySite(
        Linear q,
        Linear k,
        int heads,
        int kvHeads,
        int headDim,
        @Nullable HeadNorms norms) implements Site {
    @Override
    public String name() {
        return Sites.shortName(q.name()) + " ↔ " + Sites.shortName(k.name());
    }

    @Override
    public int channels() {
        return (norms == null ? kvHeads : 1) * headDim / 2;
    }

    /// None: scales move between outputs.
    @Override
    public List<Linear> consumers() {
        return List.of();
    }

    @Override
    public int channel(int input) {
        throw new UnsupportedOperationException(name() + " scales outputs");
    }

    @Override
    public void fold(BlockParameters parameters, double[] scale) {
        check(scale);
        if (norms != null) {
            fold(parameters, norms.k(), scale, false);
            fold(parameters, norms.q(), scale, true);
            return;
        }
        parameters.scaleRows(k, rows(scale, kvHeads, false));
        parameters.scaleRows(q, rows(scale, heads, true));
    }

    private void fold(BlockParameters parameters, Norm norm, double[] scale, boolean inverse) {
        float[] weight = parameters.norm(norm);
        for (int i = 0; i < weight.length; i++) {
            double s = scale[i % (headDim / 2)];
            double effective = (double) weight[i] + norm.offset();
            weight[i] = (float) ((inverse ? effective / s : effective * s) - norm.offset());
        }
    }

    private double[] rows(double[] scale, int count, boolean inverse) {
        int half = headDim / 2;
        double[] rows = new double[count * headDim];
        for (int i = 0; i < rows.length; i++) {
            int kvHead = i / headDim / (count / kvHeads);
            double s = scale[kvHead * half + i % headDim % half];
            rows[i] = inverse ? 1 / s : s;
        }
        return rows;
    }
}
