package dev.quern.methods;

import dev.quern.core.Tensor;
import dev.quern.formats.Safetensors;
import dev.quern.formats.SafetensorsFile;
import dev.quern.formats.TensorPlan;
import dev.quern.models.Linear;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/// What the training of codebooks reached with each epoch, kept so that a killed run goes on from there to the same
/// bytes.
interface TuneJournal {
    /// Keeps nothing.
    TuneJournal NONE = new TuneJournal() {
        @Override
        public Optional<Reached> last(Map<Linear, TunedWeight> tuned) {
            return Optional.empty();
        }

        @Override
        public void add(Reached reached) {}
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

    /// In a run's folder.
    record Stored(Journal journal) implements TuneJournal {
        @Override
        public Optional<Reached> last(Map<Linear, TunedWeight> tuned) {
            if (journal.entries().isEmpty()) {
                return Optional.empty();
            }
            try (SafetensorsFile file =
                    Safetensors.open(journal.entries().getLast().part())) {
                Map<Linear, List<float[]>> state = new LinkedHashMap<>();
                tuned.forEach((linear, vectors) -> {
                    List<float[]> parameters = new ArrayList<>();
                    for (int i = 0; i < vectors.parameters().size(); i++) {
                        String name = name(linear, i);
                        parameters.add(file.has(name) ? file.tensor(name).toFloats() : new float[0]);
                    }
                    state.put(linear, parameters);
                });
                Map<String, String> said = file.metadata();
                return Optional.of(new Reached(
                        journal.entries().size(),
                        Double.parseDouble(said(said, "rate")),
                        Integer.parseInt(said(said, "halvings")),
                        Double.parseDouble(said(said, "before")),
                        Double.parseDouble(said(said, "best")),
                        said(said, "notes").lines().toList(),
                        state));
            }
        }

        private static String said(Map<String, String> metadata, String key) {
            return Objects.requireNonNull(metadata.get(key), key);
        }

        @Override
        public void add(Reached reached) {
            List<TensorPlan> plans = new ArrayList<>();
            reached.state().forEach((linear, parameters) -> {
                for (int i = 0; i < parameters.size(); i++) {
                    if (parameters.get(i).length > 0) {
                        float[] values = parameters.get(i);
                        plans.add(TensorPlan.of(name(linear, i), Tensor.of(values, values.length)));
                    }
                }
            });
            journal.add(
                    plans,
                    Map.of(
                            "rate", Double.toString(reached.rate()),
                            "halvings", Integer.toString(reached.halvings()),
                            "before", Double.toString(reached.before()),
                            "best", Double.toString(reached.best()),
                            "notes", String.join("\n", reached.notes())),
                    List.of(),
                    List.of());
        }

        private static String name(Linear linear, int parameter) {
            return linear.name() + "." + parameter;
        }
    }
}
