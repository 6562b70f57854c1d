package dev.quern.methods;

import dev.quern.core.DType;
import dev.quern.core.Shape;
import dev.quern.core.Tensor;
import dev.quern.formats.Safetensors;
import dev.quern.formats.SafetensorsFile;
import dev.quern.formats.TensorPlan;
import dev.quern.models.Linear;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/// A `TuneJournal` in a run's folder: an entry of `journal` for each epoch, and beside them the epoch under way.
///
/// An epoch takes 4 bytes a parameter, the one under way 20: the parameters as they stand and Adam's moments.
record StoredTuneJournal(Journal journal) implements TuneJournal {
    @Override
    public Optional<Reached> last(Map<Linear, TunedWeight> tuned) {
        if (!journal.entries().isEmpty()) {
            try (SafetensorsFile file =
                    Safetensors.open(journal.entries().getLast().part())) {
                return Optional.of(reached(file, journal.entries().size(), parameters(file, tuned)));
            }
        }
        // killed in the first epoch: the best so far is what the run began with
        return journal.underway().flatMap(part -> {
            try (SafetensorsFile file = Safetensors.open(part)) {
                return number(file, "epochs") == 0
                        ? Optional.of(reached(file, 0, TunedWeight.parameters(tuned)))
                        : Optional.empty();
            }
        });
    }

    @Override
    public void add(Reached reached) {
        journal.add(plans(reached.state()), said(reached), List.of(), List.of());
    }

    @Override
    public int restore(Reached reached, Map<Linear, TunedWeight> tuned, Map<Linear, Adam> optimizers) {
        Optional<Path> part = journal.underway();
        if (part.isEmpty()) {
            return 0;
        }
        try (SafetensorsFile file = Safetensors.open(part.get())) {
            if (number(file, "epochs") != reached.epochs()) {
                return 0;
            }
            TunedWeight.set(tuned, parameters(file, tuned));
            int steps = number(file, "steps");
            optimizers.forEach((linear, adam) -> {
                List<double[]> moments = adam.moments();
                for (int i = 0; i < moments.size(); i++) {
                    double[] into = moments.get(i);
                    if (into.length > 0) {
                        MemorySegment data = file.tensor(moment(linear, i)).data();
                        MemorySegment.copy(data, Tensor.DOUBLE, 0, into, 0, into.length);
                    }
                }
                adam.goOn(steps);
            });
            return number(file, "done");
        }
    }

    @Override
    public void keep(Reached reached, int done, Map<Linear, TunedWeight> tuned, Map<Linear, Adam> optimizers) {
        List<TensorPlan> plans = plans(TunedWeight.parameters(tuned));
        optimizers.forEach((linear, adam) -> {
            for (int i = 0; i < adam.moments().size(); i++) {
                double[] from = adam.moments().get(i);
                if (from.length > 0) {
                    plans.add(new TensorPlan(
                            moment(linear, i), DType.F64, new Shape(from.length), () -> Tensor.of(from, from.length)));
                }
            }
        });
        Map<String, String> said = new HashMap<>(said(reached));
        said.put("epochs", Integer.toString(reached.epochs()));
        said.put("done", Integer.toString(done));
        said.put("steps", Integer.toString(optimizers.values().iterator().next().steps()));
        journal.underway(plans, said);
    }

    private static List<TensorPlan> plans(Map<Linear, List<float[]>> state) {
        List<TensorPlan> plans = new ArrayList<>();
        state.forEach((linear, parameters) -> {
            for (int i = 0; i < parameters.size(); i++) {
                float[] values = parameters.get(i);
                if (values.length > 0) {
                    plans.add(TensorPlan.of(name(linear, i), Tensor.of(values, values.length)));
                }
            }
        });
        return plans;
    }

    private static Map<Linear, List<float[]>> parameters(SafetensorsFile file, Map<Linear, TunedWeight> tuned) {
        Map<Linear, List<float[]>> state = new LinkedHashMap<>();
        tuned.forEach((linear, weight) -> {
            List<float[]> parameters = new ArrayList<>();
            for (int i = 0; i < weight.parameters().size(); i++) {
                String name = name(linear, i);
                parameters.add(file.has(name) ? file.tensor(name).toFloats() : new float[0]);
            }
            state.put(linear, parameters);
        });
        return state;
    }

    private static Map<String, String> said(Reached reached) {
        return Map.of(
                "rate", Double.toString(reached.rate()),
                "halvings", Integer.toString(reached.halvings()),
                "before", Double.toString(reached.before()),
                "best", Double.toString(reached.best()),
                "notes", String.join("\n", reached.notes()));
    }

    private static Reached reached(SafetensorsFile file, int epochs, Map<Linear, List<float[]>> state) {
        return new Reached(
                epochs,
                Double.parseDouble(value(file, "rate")),
                number(file, "halvings"),
                Double.parseDouble(value(file, "before")),
                Double.parseDouble(value(file, "best")),
                value(file, "notes").lines().toList(),
                state);
    }

    private static int number(SafetensorsFile file, String key) {
        return Integer.parseInt(value(file, key));
    }

    private static String value(SafetensorsFile file, String key) {
        return Objects.requireNonNull(file.metadata().get(key), key);
    }

    private static String name(Linear linear, int parameter) {
        return linear.name() + "." + parameter;
    }

    private static String moment(Linear linear, int i) {
        return linear.name() + ".moment." + i;
    }
}
