package dev.quern.methods;

import dev.quern.core.UsageException;
import java.util.Optional;

/// How a block's packed weights are trained once all of its Linears are chosen (`TunedWeight`): times over the
/// calibration sequences, and the step as a share of each parameter's size.
public record Tuning(int epochs, double rate) {
    /// Of the keys `block-epochs` and `block-rate`; empty where there are no epochs.
    static Optional<Tuning> of(int epochs, double rate) {
        return epochs == 0 ? Optional.empty() : Optional.of(new Tuning(epochs, rate));
    }

    /// Throws where the keys make no sense.
    static void check(int epochs, double rate) {
        if (epochs < 0 || !(rate > 0 && rate < 1)) {
            throw new UsageException("block-epochs is not negative and block-rate is between 0 and 1");
        }
    }
}
