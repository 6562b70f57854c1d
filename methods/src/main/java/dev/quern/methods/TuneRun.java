package dev.quern.methods;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.PackedWeight;
import dev.quern.core.Progress;
import dev.quern.core.QuernException;
import dev.quern.core.UsageException;
import dev.quern.formats.Json;
import dev.quern.formats.OutputDirectory;
import dev.quern.formats.Safetensors;
import dev.quern.formats.SafetensorsFile;
import dev.quern.formats.StoredTensor;
import dev.quern.formats.TensorPlan;
import dev.quern.formats.WeightLayout;
import dev.quern.kernels.Workers;
import dev.quern.models.Checkpoint;
import dev.quern.models.Linear;
import dev.quern.text.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Fine-tunes a quantized model against its float model and writes a new directory: the same codes, other scales, or
/// centroids, scales and shifts of codebooks.
public final class TuneRun {
    /// Where from, where to and how long.
    public record Options(
            Path model,
            Path reference,
            Path output,
            PipelineOptions.CalibrationSource calibration,
            int epochs,
            double rate,
            int threads,
            long seed,
            boolean resume) {
        public Options {
            if (epochs < 1) {
                throw new UsageException("epochs is at least 1, not " + epochs);
            }
            if (!(rate > 0 && rate < 1)) {
                throw new UsageException("rate is between 0 and 1, not " + rate);
            }
        }
    }

    /// Nats a token of divergence from the float model on held-out text, before and after; `peakRssBytes` is 0 where
    /// it is not known.
    public record Report(
            Path output, double before, double after, double seconds, long peakRssBytes, List<String> notes) {
        public ObjectNode toJson() {
            ObjectNode json = Json.object()
                    .put("output", output.toString())
                    .put("held_out_before", before)
                    .put("held_out_after", after)
                    .put("seconds", seconds)
                    .put("peak_rss_bytes", peakRssBytes);
            notes.forEach(json.putArray("notes")::add);
            return json;
        }
    }

    private final Options options;

    public TuneRun(Options options) {
        this.options = options;
    }

    public Report run(Progress progress) {
        long begun = System.nanoTime();
        if (Files.exists(options.output())) {
            throw new QuernException(options.output() + ": exists already; choose another output");
        }
        progress.at("checking the models", 0, 1);
        try (Checkpoint quantized = Checkpoint.open(options.model());
                Checkpoint exact = Checkpoint.open(options.reference());
                Workers workers = Workers.of(options.threads())) {
            requireSameShape(quantized, exact);
            CalibrationSet text;
            try (Tokenizer tokenizer = exact.tokenizer()) {
                text = CalibrationSet.read(options.calibration(), tokenizer, options.seed());
            }
            ModelTuning tuning = new ModelTuning(exact, quantized, text.sequences(), workers::run, progress);
            try (Journal journal = Journal.open(options.output(), fingerprint(text), options.resume(), false)) {
                WeightTraining.Outcome outcome =
                        tuning.run(options.epochs(), options.rate(), new StoredTuneJournal(journal));
                Report report = new Report(
                        options.output(),
                        outcome.before(),
                        outcome.after(),
                        (System.nanoTime() - begun) / 1e9,
                        PeakMemory.bytes(),
                        outcome.notes());
                write(quantized, tuning.weights(), report);
                journal.discard();
                return report;
            }
        }
    }

    /// Everything that shapes the result.
    private ObjectNode fingerprint(CalibrationSet text) {
        ObjectNode json = Json.object();
        json.set("model", Fingerprint.files(options.model()));
        json.set("reference", Fingerprint.files(options.reference()));
        return json.put("text", text.sha256())
                .put("samples", options.calibration().samples())
                .put("seq-len", options.calibration().seqLen())
                .put("seed", options.seed())
                .put("epochs", options.epochs())
                .put("rate", options.rate());
    }

    private static void requireSameShape(Checkpoint quantized, Checkpoint exact) {
        if (!sizes(quantized).equals(sizes(exact))) {
            throw new UsageException(exact.path() + ": is not the float model of " + quantized.path()
                    + ": their Linears differ in number or size");
        }
    }

    private static Map<String, List<Integer>> sizes(Checkpoint checkpoint) {
        Map<String, List<Integer>> sizes = new LinkedHashMap<>();
        checkpoint.network().linears().forEach(l -> sizes.put(l.name(), List.of(l.outFeatures(), l.inFeatures())));
        return sizes;
    }

    private void write(Checkpoint quantized, Map<Linear, PackedWeight> weights, Report report) {
        try (SafetensorsFile file = Safetensors.open(quantized.path());
                OutputDirectory out = OutputDirectory.open(options.output())) {
            WeightLayout layout = quantized.layout().orElseThrow().resolve(file);
            Map<String, TensorPlan> changed = new LinkedHashMap<>();
            weights.forEach((linear, weight) ->
                    layout.plans(linear.name(), weight).forEach(plan -> changed.put(plan.name(), plan)));
            List<TensorPlan> plans = new ArrayList<>();
            for (StoredTensor stored : file.stored()) {
                TensorPlan plan = changed.get(stored.name());
                // a reader's form of codes may differ from the file's: only the floats moved and are written anew
                boolean moved = plan != null && plan.dtype().isFloat();
                plans.add(moved ? plan : TensorPlan.of(stored.name(), file.tensor(stored.name())));
            }
            Safetensors.addTo(out, plans, 4L << 30, Map.of("format", "pt"));
            out.add("config.json", Json.pretty(quantized.config()));
            TokenizerFiles.copy(quantized, out);
            Path manifest = quantized.path().resolve(QuantizedOutput.MANIFEST);
            ObjectNode json =
                    Files.isRegularFile(manifest) ? ((ObjectNode) Json.read(manifest)).deepCopy() : Json.object();
            json.remove("files");
            json.set("tuned", report.toJson());
            ObjectNode sums = json.putObject("files");
            out.staged()
                    .forEach(f -> sums.putObject(String.valueOf(f.path().getFileName()))
                            .put("bytes", f.bytes())
                            .put("sha256", f.sha256()));
            out.add(QuantizedOutput.MANIFEST, Json.pretty(json));
            out.commit();
        }
    }
}
