package dev.quern.methods;

import dev.quern.models.Linear;
import java.util.List;

/// A place in a block where positive scales can move from one side of a product to the other and nothing changes but
/// what is easy to quantize: `W·x = (W·diag(s))·(diag(1/s)·x)`, where whatever makes x takes over `diag(1/s)`.
///
/// All that the block's structure demands is in here: which Linears share an input, which heads read the same value,
/// what a norm adds to its weights, which biases go along.
public sealed interface Site permits NormSite, ValueSite, UpSite, QueryKeySite {
    /// What moves where, for logs: `input_layernorm → q_proj, k_proj, v_proj`.
    String name();

    /// How many scales are free to choose.
    int channels();

    /// The Linears whose input columns are multiplied by the scales; empty where scales move between outputs.
    List<Linear> consumers();

    /// The scale that belongs to input `input` of the consumers.
    int channel(int input);

    /// Multiplies the consumers' columns by `scale [channels]` and divides what makes their input by it, in float64.
    /// Scales are positive and finite; throws `IllegalArgumentException` otherwise.
    void fold(BlockParameters parameters, double[] scale);

    /// Throws where `scale` is not one positive, finite number a channel.
    default void check(double[] scale) {
        if (scale.length != channels()) {
            throw new IllegalArgumentException(scale.length + " scales for " + channels() + " channels of " + name());
        }
        for (double s : scale) {
            if (!(s > 0) || s == Double.POSITIVE_INFINITY) {
                throw new IllegalArgumentException("a scale of " + name() + " is " + s);
            }
        }
    }
}
