package dev.quern.demo;

import dev.quern.core.Progress;
import dev.quern.core.QuernException;
import dev.quern.eval.Divergence;
import dev.quern.eval.LogitModel;
import dev.quern.eval.Windows;
import dev.quern.kernels.Workers;
import dev.quern.methods.Method;
import dev.quern.methods.Methods;
import dev.quern.methods.Pipeline;
import dev.quern.methods.PipelineOptions;
import dev.quern.methods.PipelineOptions.CalibrationSource;
import dev.quern.methods.QuantizeReport;
import dev.quern.methods.Recipe;
import dev.quern.models.Checkpoint;
import dev.quern.runtime.Generation;
import dev.quern.runtime.Generator;
import dev.quern.runtime.Model;
import dev.quern.runtime.Sampler;
import dev.quern.runtime.SamplerOptions;
import dev.quern.runtime.Session;
import dev.quern.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// The tour: one tiny model, every method at its widths, each written file measured and the extremes talking.
///
/// What is measured is what was written: each file is opened anew and its packed weights run through the kernels
/// that a
/// user's model runs through, on text that shares no story with the training or the calibration text.
public final class Demo {
    /// Methods that train do so briefly here: the tour takes minutes.
    private static final int TOUR_EPOCHS = 3;

    /// `groupSize` for all files; `windows` of 256 held-out tokens and `questions` are measured;
    /// `calibrationSamples`
    /// sequences of 256 tokens are shown to methods that calibrate.
    public record Options(int threads, long seed, int groupSize, int windows, int questions, int calibrationSamples) {
        public static Options of(int threads, long seed) {
            return new Options(threads, seed, 64, 24, 50, 48);
        }
    }

    /// One line of the table. `bits` is 16 for the float model; `bytes` are those of the weights file; `kl` is the
    /// mean
    /// divergence from the float model in nats a token; `answers` is the share of questions about held-out stories
    /// that are answered right; `directory` holds the model.
    public record Row(
            String method,
            int bits,
            double bitsPerWeight,
            long bytes,
            double perplexity,
            double kl,
            double answers,
            double tokensPerSecond,
            Path directory) {
        /// What the row is called: `gptq 3 bits`.
        public String label() {
            return method.equals(FLOAT) ? FLOAT : method + " " + bits + " bits";
        }
    }

    /// What a model writes after the shared beginning.
    public record Continuation(String label, String text) {}

    /// The whole tour: the float model's row first, then the files in the order of `Methods.ALL`.
    public record Result(List<Row> rows, String beginning, List<Continuation> continuations, double seconds) {}

    /// The name of the row that all others are compared with.
    static final String FLOAT = "float";

    private static final int WINDOW = 256;
    private static final int CONTINUED = 64;
    private static final String BEGINNING =
            "There was once a girl named Clara. She took her red kite and walked to the beach.";

    private final Path model;
    private final Path work;
    private final Options options;
    private final Progress progress;

    private Demo(Path model, Path work, Options options, Progress progress) {
        this.model = model;
        this.work = work;
        this.options = options;
        this.progress = progress;
    }

    /// Runs the tour on the model in the directory `model`, writing under `work`, which is made where it is missing;
    /// what an earlier tour left there is overwritten.
    public static Result run(Path model, Path work, Options options, Progress progress) {
        return new Demo(model, work, options, progress).run();
    }

    private record Candidate(String method, int bits, Path path, double bitsPerWeight) {}

    /// What every model is measured with.
    private record Measure(Model floats, int[] heldOut, Quiz quiz) {}

    private Result run() {
        long begun = System.nanoTime();
        List<Candidate> candidates = quantizeAll();
        try (Workers workers = Workers.of(options.threads());
                Checkpoint reference = Checkpoint.open(model);
                Tokenizer tokenizer = Tokenizer.ofDirectory(model)) {
            int[] heldOut =
                    new TokenStream(tokenizer, DemoText.heldOut(options.seed())).next(options.windows() * WINDOW);
            Model floats = new Model(reference.network(), reference.weights(), workers);
            Measure measure = new Measure(floats, heldOut, Quiz.of(tokenizer, options.seed(), options.questions()));
            int total = candidates.size() + 1;
            progress.at("measuring the float model", 0, total);
            List<Row> rows = new ArrayList<>();
            rows.add(measure(new Candidate(FLOAT, 16, model, 16), floats, measure));
            for (Candidate candidate : candidates) {
                progress.at("measuring " + candidate.path.getFileName(), rows.size(), total);
                try (Checkpoint checkpoint = Checkpoint.open(candidate.path)) {
                    Model packed = new Model(checkpoint.network(), checkpoint.weights(), workers);
                    rows.add(measure(candidate, packed, measure));
                }
            }
            progress.at("measured", total, total);
            List<Continuation> continuations = new ArrayList<>();
            for (Row row : talkers(rows)) {
                try (Checkpoint checkpoint = Checkpoint.open(row.directory)) {
                    Model talker = new Model(checkpoint.network(), checkpoint.weights(), workers);
                    continuations.add(new Continuation(row.label(), continueStory(talker, tokenizer)));
                }
            }
            return new Result(rows, BEGINNING, continuations, (System.nanoTime() - begun) / 1e9);
        }
    }

    private List<Candidate> quantizeAll() {
        Path calibration = work.resolve("calibration.txt");
        try {
            Files.createDirectories(work);
            // Another seed than the training's: fresh text of the same kind.
            String text = DemoText.training(options.seed() + 1_000_003).next(options.calibrationSamples() * WINDOW * 8);
            Files.writeString(calibration, text.replace(DemoText.END, "\n\n"));
        } catch (IOException e) {
            throw new QuernException("demo: cannot write to " + work + ": " + e.getMessage(), e);
        }
        List<Candidate> candidates = new ArrayList<>();
        int total = Methods.ALL.stream().mapToInt(m -> widths(m).size()).sum();
        for (Method<?> method : Methods.ALL) {
            for (int bits : widths(method)) {
                progress.at("quantizing with " + method.name() + " to " + bits + " bits", candidates.size(), total);
                candidates.add(quantize(method, bits, calibration));
            }
        }
        progress.at("quantized", total, total);
        return candidates;
    }

    /// The bits that `method` is tried at.
    static List<Integer> widths(Method<?> method) {
        return method.widths();
    }

    private Candidate quantize(Method<?> method, int bits, Path calibration) {
        Path output = work.resolve(method.name() + "-" + bits + "bit");
        PipelineOptions pipeline = new PipelineOptions(
                options.threads(),
                options.seed(),
                new CalibrationSource(calibration, options.calibrationSamples(), WINDOW),
                List.of(),
                true,
                false,
                true,
                0);
        Recipe recipe = recipe(method, bits);
        QuantizeReport report = new Pipeline(model, output, recipe, pipeline).run(Progress.NONE);
        return new Candidate(method.name(), bits, output, report.bitsPerWeight());
    }

    private Recipe recipe(Method<?> method, int bits) {
        boolean trains = method.keys().stream().anyMatch(key -> key.name().equals("epochs"));
        return trains
                ? Recipe.of(
                        method.name(), Map.of("bits", bits, "group-size", options.groupSize(), "epochs", TOUR_EPOCHS))
                : Recipe.of(method, bits, options.groupSize());
    }

    private static Row measure(Candidate candidate, Model packed, Measure measure) {
        Divergence divergence = Divergence.of(
                LogitModel.of(packed),
                LogitModel.of(measure.floats),
                measure.heldOut,
                Windows.paper(WINDOW),
                0,
                Progress.NONE);
        return new Row(
                candidate.method,
                candidate.bits,
                candidate.bitsPerWeight,
                weightBytes(candidate.path),
                divergence.perplexity(),
                divergence.meanKl(),
                measure.quiz.score(packed),
                decodeRate(packed, measure.heldOut),
                candidate.path);
    }

    /// Tokens a second, one by one as in a conversation: the best of three stretches.
    private static double decodeRate(Model packed, int[] tokens) {
        double best = 0;
        Session session = new Session(packed);
        session.prefill(Arrays.copyOf(tokens, 16));
        for (int run = 0; run < 3; run++) {
            session.truncate(16);
            long begun = System.nanoTime();
            for (int i = 0; i < CONTINUED; i++) {
                session.decode(tokens[16 + i]);
            }
            best = Math.max(best, CONTINUED / ((System.nanoTime() - begun) / 1e9));
        }
        return best;
    }

    private static long weightBytes(Path directory) {
        try (var files = Files.list(directory)) {
            long bytes = 0;
            for (Path file : files.filter(DemoFiles::isWeights).toList()) {
                bytes += Files.size(file);
            }
            return bytes;
        } catch (IOException e) {
            throw new QuernException("demo: cannot read " + directory + ": " + e.getMessage(), e);
        }
    }

    /// The float model, the file nearest to it and the farthest.
    private static List<Row> talkers(List<Row> rows) {
        Comparator<Row> byDivergence = Comparator.comparingDouble(Row::kl);
        List<Row> files = rows.subList(1, rows.size());
        return List.of(
                rows.getFirst(),
                files.stream().min(byDivergence).orElseThrow(),
                files.stream().max(byDivergence).orElseThrow());
    }

    private static String continueStory(Model model, Tokenizer tokenizer) {
        Generator.Limits limits = new Generator.Limits(CONTINUED, Set.of(0), List.of());
        Generation generation = new Generator(new Session(model), tokenizer)
                .generate(tokenizer.encode(BEGINNING, false), new Sampler(SamplerOptions.GREEDY), limits, _ -> {});
        return generation.text();
    }
}
