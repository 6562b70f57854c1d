package dev.quern.methods;

import dev.quern.torch.TorchTensor;
import java.util.List;

/// A diagonal between a norm, or the up projection, and the Linears that read it: free of cost at run time.
final class LearnedScale implements LearnedSite {
    private final Site site;
    private final Learned logs;

    /// Starts from `scales`, one a channel of a `NormSite` or an `UpSite`.
    LearnedScale(Site site, double[] scales) {
        this.site = site;
        this.logs = new Learned(site.name(), Learned.Part.SCALE, InvertibleForm.logs(scales), site.channels());
    }

    @Override
    public String name() {
        return site.name();
    }

    @Override
    public List<Learned> learned() {
        return List.of(logs);
    }

    @Override
    public void apply(BlockTensors tensors, Leaves leaves, int epoch) {
        TorchTensor log = leaves.of(logs);
        TorchTensor inverse = log.neg().exp();
        switch (site) {
            case NormSite norm -> tensors.scaleNorm(norm.norm(), inverse);
            case UpSite up -> tensors.scaleRows(up.up(), inverse);
            case ValueSite _, QueryKeySite _ -> throw new IllegalStateException(name() + " has a transform of its own");
        }
        TorchTensor scale = log.exp();
        site.consumers().forEach(linear -> tensors.scaleColumns(linear, scale));
    }
}
