package dev.quern.methods;

import dev.quern.models.Linear;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// What a training of packed weights reached with each epoch and within one, kept so that a killed run goes on from
/// there to the same bytes.
interface TuneJournal {
    /// Keeps nothing.
    TuneJournal NONE = new TuneJournal() {
        @Override
        public Optional<Reached> last(Map<Linear, TunedWeight> tuned) {
            return Optional.empty();
        }

        @Override
        public void add(Reached reached) {}

        @Override
        public int restore(Reached reached, Map<Linear, TunedWeight> tuned, Map<Linear, Adam> optimizers) {
            return 0;
        }

        @Override
        public void keep(Reached reached, int done, Map<Linear, TunedWeight> tuned, Map<Linear, Adam> optimizers) {}
    };

    /// The state after `epochs`: the rate, how often it was halved, the held-out loss at the beginning and at best, and
    /// the parameters of the best.
    record Reached(
            int epochs,
            double rate,
            int halvings,
            double before,
            double best,
            List<String> notes,
            Map<Linear, List<float[]>> state) {
        /// After an epoch that ended in `parameters` and lost less.
        Reached better(double loss, Map<Linear, List<float[]>> parameters) {
            return new Reached(epochs + 1, rate, halvings, before, loss, notes, parameters);
        }

        /// After an epoch that lost no less and was undone.
        Reached undone(double loss) {
            List<String> more = new ArrayList<>(notes);
            more.add(String.format(
                    Locale.ROOT,
                    "epoch %d: %.4g on held-out text, not below %.4g: undone, rate halved",
                    epochs + 1,
                    loss,
                    best));
            return new Reached(epochs + 1, rate / 2, halvings + 1, before, best, List.copyOf(more), state);
        }
    }

    /// What the last epoch reached; empty at the beginning.
    Optional<Reached> last(Map<Linear, TunedWeight> tuned);

    /// Keeps what an epoch reached.
    void add(Reached reached);

    /// Puts parameters and Adam's moments where a run stood within the epoch after `reached`; the number of its
    /// sequences done, 0 at its beginning.
    int restore(Reached reached, Map<Linear, TunedWeight> tuned, Map<Linear, Adam> optimizers);

    /// Keeps where the epoch after `reached` stands when `done` of its sequences are done, instead of what was kept
    /// before.
    void keep(Reached reached, int done, Map<Linear, TunedWeight> tuned, Map<Linear, Adam> optimizers);
}
