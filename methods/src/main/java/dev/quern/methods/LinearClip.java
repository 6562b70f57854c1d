package dev.quern.methods;

import dev.quern.core.QuantScheme;
import dev.quern.models.Linear;
import java.util.Arrays;
import java.util.List;

/// One Linear's fake quantization in training, with what is learned of its ranges and the arrays that hold weights and
/// gradients from step to step.
final class LinearClip {
    private final Linear linear;
    private final LearnedClip clip;
    private final Learned low;
    private final Learned high;
    private final float[] weight;
    private final float[] quantized;
    private LearnedClip.Shares shares;

    LinearClip(Linear linear, QuantScheme scheme) {
        this.linear = linear;
        this.clip = new LearnedClip(linear.outFeatures(), linear.inFeatures(), scheme);
        this.low = logits(linear.name() + ".low");
        this.high = logits(linear.name() + ".high");
        this.weight = new float[Math.multiplyExact(linear.outFeatures(), linear.inFeatures())];
        this.quantized = new float[weight.length];
        this.shares = whole();
    }

    private Learned logits(String name) {
        double[] open = new double[clip.count()];
        Arrays.fill(open, LearnedClip.OPEN);
        return new Learned(name, Learned.Part.CLIP, open, open.length);
    }

    Linear linear() {
        return linear;
    }

    /// Logits of the shares of the range that are kept, below and above zero.
    List<Learned> learned() {
        return List.of(low, high);
    }

    /// Begins where a search over shrunk ranges finds the smallest error, each input weighed by its mean square.
    void search(float[] weights, double[] importance, Parallel parallel) {
        double[] share = clip.search(weights, importance, parallel);
        for (int i = 0; i < share.length; i++) {
            double logit = Math.log(share[i]) - Math.log1p(-share[i]);
            low.values()[i] = logit;
            high.values()[i] = logit;
        }
    }

    /// The weights before quantization, to be filled by the caller.
    float[] weight() {
        return weight;
    }

    /// Quantizes `weight`; with `plain` the whole range, as round to nearest does.
    float[] forward(boolean plain, Parallel parallel) {
        shares = plain ? whole() : learnedShares();
        clip.forward(weight, shares, quantized, parallel);
        return quantized;
    }

    /// Turns the gradient of the quantized weights into that of the weights, in place; returns those of the logits.
    List<double[]> backward(float[] gradient, Parallel parallel) {
        double[] toLow = new double[clip.count()];
        double[] toHigh = new double[clip.count()];
        clip.backward(weight, shares, gradient, toLow, toHigh, parallel);
        return List.of(toLow, toHigh);
    }

    /// Clamps `weights` to the learned ranges.
    void clamp(float[] weights, Parallel parallel) {
        clip.clamp(weights, learnedShares(), parallel);
    }

    private LearnedClip.Shares learnedShares() {
        return new LearnedClip.Shares(shares(low.values()), shares(high.values()));
    }

    private LearnedClip.Shares whole() {
        double[] ones = new double[clip.count()];
        Arrays.fill(ones, 1);
        return new LearnedClip.Shares(ones, ones);
    }

    private static double[] shares(double[] logits) {
        double[] shares = new double[logits.length];
        for (int i = 0; i < shares.length; i++) {
            shares[i] = 1 / (1 + Math.exp(-logits[i]));
        }
        return shares;
    }
}
