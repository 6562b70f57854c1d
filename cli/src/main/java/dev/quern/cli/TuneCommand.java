package dev.quern.cli;

import dev.quern.methods.PipelineOptions.CalibrationSource;
import dev.quern.methods.TuneRun;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Visibility;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `quern tune`: what gives codes their values, against the float model's predictions.
@Command(
        name = "tune",
        sortOptions = false,
        showDefaultValues = true,
        header = "Fine-tunes a quantized model against the float model: other scales, same codes.",
        description = {
            "Scales of integer codes, or centroids, scales and shifts of codebooks, are trained end to",
            "end, so that next-token distributions come near the float model's; codes stay, and so",
            "does the size. A part of the text is held out and judges: the result is never worse there",
            "than what it began with. For what rtn, gptq, obq, awq, affinequant and vptq wrote."
        },
        footer = {
            "",
            "Examples:",
            "  quern quantize llama -o llama-2bit --method gptq --bits 2 --calibration wiki.txt",
            "  quern tune llama-2bit --reference llama -o llama-tuned --calibration wiki.txt"
        })
final class TuneCommand implements Callable<Integer> {
    private final Console console;

    @Mixin
    ModelArgument model = new ModelArgument();

    @Option(
            names = "--reference",
            paramLabel = "MODEL",
            required = true,
            showDefaultValue = Visibility.NEVER,
            description = "The float model that it was quantized from.")
    String reference = "";

    @Option(
            names = {"-o", "--output"},
            paramLabel = "OUT",
            required = true,
            showDefaultValue = Visibility.NEVER,
            description = "A directory to be made.")
    Path output = Path.of("");

    @Option(
            names = "--calibration",
            paramLabel = "FILE",
            required = true,
            showDefaultValue = Visibility.NEVER,
            description = "Text to learn on.")
    Path calibration = Path.of("");

    @Option(names = "--samples", paramLabel = "N", defaultValue = "128", description = "Stretches of text.")
    int samples;

    @Option(names = "--seq-len", paramLabel = "N", defaultValue = "512", description = "Tokens of each stretch.")
    int seqLen;

    @Option(names = "--epochs", paramLabel = "N", defaultValue = "2", description = "Times through the text.")
    int epochs;

    @Option(
            names = "--rate",
            paramLabel = "R",
            defaultValue = "0.001",
            description = "Step as a share of each parameter's size.")
    double rate;

    @Option(names = "--seed", paramLabel = "S", defaultValue = "0", description = "Where stretches begin.")
    long seed;

    @Option(names = "--resume", description = "Go on where a run was killed, to the same bytes.")
    boolean resume;

    @Mixin
    Threads threads = new Threads();

    @Mixin
    Common common = new Common();

    TuneCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        TuneRun run = new TuneRun(new TuneRun.Options(
                model.resolve(),
                ModelArgument.resolve(reference),
                output,
                new CalibrationSource(calibration, samples, seqLen),
                epochs,
                rate,
                threads.count(),
                seed,
                resume));
        TuneRun.Report report;
        try (ProgressDisplay progress = new ProgressDisplay(console, "tune")) {
            report = run.run(progress);
        }
        if (common.json) {
            JsonOut.print(console.out(), report.toJson());
            return 0;
        }
        console.out()
                .println(String.format(
                        Locale.ROOT,
                        "%s: divergence on held-out text %.4f → %.4f nats a token, %.1f s",
                        output,
                        report.before(),
                        report.after(),
                        report.seconds()));
        report.notes().forEach(console.out()::println);
        return 0;
    }
}
