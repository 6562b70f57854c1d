package dev.quern.cli;

import dev.quern.core.QuernException;
import dev.quern.core.UsageException;
import dev.quern.methods.Method;
import dev.quern.methods.Methods;
import dev.quern.methods.Pipeline;
import dev.quern.methods.PipelineOptions;
import dev.quern.methods.PipelineOptions.CalibrationSource;
import dev.quern.methods.Plan;
import dev.quern.methods.QuantizeReport;
import dev.quern.methods.Recipe;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Visibility;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// `quern quantize`: a model through a recipe.
@Command(
        name = "quantize",
        sortOptions = false,
        showDefaultValues = true,
        header = "Quantizes a model and verifies the written files.",
        footer = {
            "",
            "Examples:",
            "  quern quantize demo -o demo-w4 --method rtn",
            "  quern quantize llama -o llama-w4 --method gptq --calibration wiki.txt",
            "  quern quantize llama -o llama-w3 --method gptq --bits 3 --group-size 64 \\",
            "      --calibration wiki.txt --resume",
            "  quern quantize llama -o llama.gguf --recipe recipe.yaml --dry-run"
        })
final class QuantizeCommand implements Callable<Integer> {
    private final Console console;

    @Mixin
    Common common = new Common();

    @Mixin
    ModelArgument model = new ModelArgument();

    @Option(
            names = {"-o", "--output"},
            paramLabel = "OUT",
            required = true,
            showDefaultValue = Visibility.NEVER,
            description = "A directory to be made, or a file ending in .gguf.")
    Path output = Path.of("");

    @Option(
            names = "--method",
            paramLabel = "METHOD",
            completionCandidates = MethodNames.class,
            description = "One of: ${COMPLETION-CANDIDATES}.")
    @Nullable
    String method;

    @Option(names = "--recipe", paramLabel = "FILE", description = "A YAML file of methods, in place of --method.")
    @Nullable
    Path recipe;

    @Option(names = "--bits", paramLabel = "N", description = "Bits of a code: 2, 3, 4, 5, 6 or 8 (default: 4).")
    @Nullable
    Integer bits;

    @Option(
            names = "--group-size",
            paramLabel = "N",
            description = "Inputs that share a scale; 0 = the whole row (default: 128).")
    @Nullable
    Integer groupSize;

    @ArgGroup
    Symmetry symmetry = new Symmetry();

    /// At most one of the two.
    static final class Symmetry {
        @Option(names = "--symmetric", description = "Fix the zero point in the middle.")
        boolean symmetric;

        @Option(names = "--asymmetric", description = "A zero point for each group (the default).")
        boolean asymmetric;
    }

    @Option(
            names = "--set",
            paramLabel = "KEY=VALUE",
            showDefaultValue = Visibility.NEVER,
            description = "Any key of the method, see the list below; may be repeated.")
    List<String> settings = new ArrayList<>();

    @Option(
            names = "--act-bits",
            paramLabel = "N",
            description = "Bits of activations: 4, 6, 8, or 16 as they are (default: the method's, mostly 16).")
    @Nullable
    Integer actBits;

    @Option(
            names = "--act-range",
            paramLabel = "KIND",
            description = "dynamic: a range for each token as it runs; static: one for each layer, from the calibration"
                    + " text; mixed: static, but dynamic in layers that one range does not serve (default: dynamic).")
    @Nullable
    String actRange;

    @Option(
            names = "--act-symmetric",
            arity = "1",
            paramLabel = "true|false",
            description = "Whether activations have their zero in the middle (default: true at 8 bits, else false).")
    @Nullable
    Boolean actSymmetric;

    @Option(
            names = "--act-clip",
            paramLabel = "SHARE",
            description =
                    "The share of each token's range that activations of 4 and 6 bits keep, 0.5 to 1 (default: 1).")
    @Nullable
    Double actClip;

    @Option(
            names = "--kv-bits",
            paramLabel = "N",
            description = "Bits of the KV cache: 2, 4, 8, or 16 = not quantized (default: 16).")
    @Nullable
    Integer kvBits;

    @Option(names = "--calibration", paramLabel = "FILE", description = "Text that the model's inputs are taken from.")
    @Nullable
    Path calibration;

    @Option(names = "--samples", paramLabel = "N", defaultValue = "128", description = "Stretches of calibration text.")
    int samples;

    @Option(names = "--seq-len", paramLabel = "N", defaultValue = "2048", description = "Tokens of each stretch.")
    int seqLen;

    @Option(
            names = "--exclude",
            paramLabel = "PATTERN",
            showDefaultValue = Visibility.NEVER,
            description = "Linears left as they are: part of a name, or a glob (*.down_proj); may be repeated.")
    List<String> exclude = new ArrayList<>();

    @Option(
            names = "--keep-head",
            negatable = true,
            defaultValue = "true",
            fallbackValue = "true",
            description = "Leave the output head as it is (the default).")
    boolean keepHead;

    @Option(names = "--resume", description = "Go on where a run with the same inputs was interrupted.")
    boolean resume;

    @Option(names = "--overwrite", description = "Replace an output that exists.")
    boolean overwrite;

    @Option(names = "--dry-run", description = "Print sizes, memory and time; check every shape; write nothing.")
    boolean dryRun;

    @Option(
            names = "--memory-budget",
            paramLabel = "SIZE",
            defaultValue = "0",
            converter = ByteSize.class,
            description = "Refuse to start where more memory is needed, e.g. 8G; 0 = no limit.")
    long memoryBudget;

    @Option(names = "--device", paramLabel = "cpu|cuda", defaultValue = "cpu", description = "Where to compute.")
    String device = "cpu";

    @Mixin
    Threads threads = new Threads();

    @Option(names = "--seed", paramLabel = "S", defaultValue = "0", description = "Where calibration stretches begin.")
    long seed;

    QuantizeCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        Device.require(device);
        Recipe wanted = wantedRecipe();
        PipelineOptions options = new PipelineOptions(
                threads.count(),
                seed,
                calibration == null ? null : new CalibrationSource(calibration, samples, seqLen),
                exclude,
                keepHead,
                resume,
                overwrite,
                memoryBudget);
        Pipeline pipeline = new Pipeline(model.resolve(), output, wanted, options);
        if (dryRun) {
            Plan plan;
            try (ProgressDisplay progress = new ProgressDisplay(console, "quantize")) {
                plan = pipeline.plan(progress);
            }
            if (common.json) {
                JsonOut.print(console.out(), plan.toJson());
            } else {
                plan.lines().forEach(console.out()::println);
            }
            return 0;
        }
        QuantizeReport report;
        try (ProgressDisplay progress = new ProgressDisplay(console, "quantize")) {
            report = pipeline.run(progress);
        }
        if (common.json) {
            JsonOut.print(console.out(), report.toJson());
        } else {
            QuantizeSummary.print(console.out(), report);
        }
        if (!report.verified()) {
            throw new QuernException(
                    output + ": " + report.divergence().problem() + "; the files were written all the same");
        }
        return 0;
    }

    private Recipe wantedRecipe() {
        Map<String, String> values = values();
        Map<String, Object> others = recipeKeys();
        if (recipe != null) {
            others.keySet().stream().findFirst().ifPresent(key -> {
                throw new UsageException("--recipe holds " + key + " too: leave out --" + key);
            });
            if (method != null || !values.isEmpty()) {
                throw new UsageException("--recipe holds the methods and their keys: leave out "
                        + (method != null
                                ? "--method"
                                : "--" + values.keySet().iterator().next())
                        + ", or leave out --recipe");
            }
            return Recipe.read(recipe);
        }
        if (method == null) {
            throw new UsageException("give --method or --recipe; methods: " + String.join(", ", Methods.names()));
        }
        return Recipe.of(method, values, others);
    }

    /// What was set of the keys that belong to the recipe, not to a method.
    private Map<String, Object> recipeKeys() {
        Map<String, Object> keys = new LinkedHashMap<>();
        put(keys, "act-bits", actBits);
        put(keys, "act-range", actRange);
        put(keys, "act-symmetric", actSymmetric);
        put(keys, "act-clip", actClip);
        put(keys, "kv-bits", kvBits);
        return keys;
    }

    private static void put(Map<String, Object> keys, String key, @Nullable Object value) {
        if (value != null) {
            keys.put(key, value);
        }
    }

    /// What was set on the command line, by key; the method's own defaults stand for the rest.
    private Map<String, String> values() {
        Map<String, String> values = new LinkedHashMap<>();
        if (bits != null) {
            values.put("bits", bits.toString());
        }
        if (groupSize != null) {
            values.put("group-size", groupSize.toString());
        }
        if (symmetry.symmetric || symmetry.asymmetric) {
            values.put("symmetric", Boolean.toString(symmetry.symmetric));
        }
        for (String setting : settings) {
            int equals = setting.indexOf('=');
            if (equals < 1) {
                throw new UsageException("--set takes KEY=VALUE, not " + setting);
            }
            values.put(setting.substring(0, equals), setting.substring(equals + 1));
        }
        return values;
    }

    /// `--help` tells each method's keys, which only the registry knows.
    @Spec
    void spec(CommandSpec spec) {
        List<String> lines = new ArrayList<>();
        lines.add("");
        lines.add("Methods and their keys (--set KEY=VALUE):");
        for (Method<?> known : Methods.ALL) {
            lines.add("  " + known.name() + "  " + known.summary());
            known.keys()
                    .forEach(key -> lines.add("      " + key.name() + "=" + key.defaultValue() + "  " + key.doc() + " ("
                            + key.type() + ")"));
        }
        lines.addAll(List.of(spec.usageMessage().footer()));
        spec.usageMessage().footer(lines.toArray(String[]::new));
    }

    /// For `--help` and shell completion.
    static final class MethodNames extends ArrayList<String> {
        private static final long serialVersionUID = 1L;

        MethodNames() {
            super(Methods.names());
        }
    }
}
