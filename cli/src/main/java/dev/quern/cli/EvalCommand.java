package dev.quern.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.Nearest;
import dev.quern.core.QuernException;
import dev.quern.core.UsageException;
import dev.quern.eval.Divergence;
import dev.quern.eval.Perplexity;
import dev.quern.eval.Windows;
import dev.quern.formats.Json;
import dev.quern.kernels.Workers;
import dev.quern.text.Tokenizer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `quern eval`: how well a model predicts text, or how far it is from another.
@Command(
        name = "eval",
        sortOptions = false,
        showDefaultValues = true,
        header = "Measures a model on text.",
        description = {
            "perplexity: exp of the mean loss a token; two protocols, whose numbers do not compare.",
            "kl: divergence from --reference, position by position, both run side by side."
        },
        footer = {
            "",
            "Examples:",
            "  quern eval model --task perplexity --data wiki.txt --max-windows 16",
            "  quern eval model.gguf --task perplexity --protocol llama.cpp --data wiki.txt",
            "  quern eval model-w4 --task kl --reference model --data wiki.txt"
        })
final class EvalCommand implements Callable<Integer> {
    private static final String PERPLEXITY = "perplexity";
    private static final String KL = "kl";
    private static final String PAPER = "paper";
    private static final String LLAMA_CPP = "llama.cpp";

    private final Console console;

    @Mixin
    ModelArgument model = new ModelArgument();

    @Option(names = "--task", paramLabel = "TASK", defaultValue = PERPLEXITY, description = "perplexity or kl.")
    String task = PERPLEXITY;

    @Option(names = "--data", paramLabel = "FILE", required = true, description = "The text, in UTF-8.")
    Path data = Path.of("");

    @Option(
            names = "--protocol",
            paramLabel = "NAME",
            defaultValue = PAPER,
            description = "paper: windows without overlap, all but the first token scored. llama.cpp: BOS over each"
                    + " window's first token where the tokenizer adds one, the second half scored.")
    String protocol = PAPER;

    @Option(
            names = "--window",
            paramLabel = "N",
            description = "Tokens of a window (default: 2048 for paper, 512 for llama.cpp).")
    @Nullable
    Integer window;

    @Option(names = "--max-windows", paramLabel = "N", defaultValue = "0", description = "At most so many; 0 = all.")
    int maxWindows;

    @Option(names = "--reference", paramLabel = "MODEL", description = "What kl measures the distance from.")
    @Nullable
    String reference;

    @Option(
            names = "--executor",
            paramLabel = "java|torch",
            defaultValue = "java",
            description =
                    "java: packed weights through Quern's kernels; torch: dequantized, in float32, on one thread.")
    String executor = "java";

    @Mixin
    Threads threads = new Threads();

    @Mixin
    Common common = new Common();

    EvalCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        Executor how = Executor.named(executor);
        requireKnown("task", task, List.of(PERPLEXITY, KL));
        requireKnown("protocol", protocol, List.of(PAPER, LLAMA_CPP));
        if (maxWindows < 0) {
            throw new UsageException("--max-windows is 0 (all) or more, not " + maxWindows);
        }
        if (task.equals(KL) == (reference == null)) {
            throw new UsageException(
                    reference == null
                            ? "--task kl needs --reference, the model to compare with"
                            : "--reference belongs to --task kl");
        }
        String text = text();
        try (Workers workers = Workers.of(threads.count());
                MeasuredModel measured = MeasuredModel.open(model.resolve(), how, workers)) {
            int[] tokens = measured.tokenizer().encode(text);
            Windows windows = windows(measured.tokenizer());
            windows.cut(tokens, 1);
            ObjectNode result = reference == null
                    ? perplexity(measured, tokens, windows)
                    : kl(measured, tokens, windows, how, workers);
            if (common.json) {
                JsonOut.print(console.out(), result);
            }
        }
        return 0;
    }

    private static void requireKnown(String kind, String word, List<String> known) {
        if (!known.contains(word)) {
            throw Nearest.unknown(kind, word, known);
        }
    }

    private Windows windows(Tokenizer tokenizer) {
        return protocol.equals(PAPER)
                ? Windows.paper(window == null ? 2048 : window)
                : Windows.llamaCpp(window == null ? 512 : window, tokenizer.addedBos());
    }

    private ObjectNode perplexity(MeasuredModel measured, int[] tokens, Windows windows) {
        long begun = System.nanoTime();
        Perplexity result;
        try (ProgressDisplay progress = new ProgressDisplay(console, "eval")) {
            result = Perplexity.of(measured.logits(), tokens, windows, maxWindows, progress);
        }
        if (!common.json) {
            line("perplexity", "%.4f ± %.4f", result.value(), result.standardError());
            line("over", "%,d tokens in %d windows of %d", result.tokens(), result.windows(), windows.size());
            line("how", "protocol %s, executor %s, %.1f s", protocol, executor, seconds(begun));
        }
        return Json.object()
                .put("task", task)
                .put("protocol", protocol)
                .put("executor", executor)
                .put("window", windows.size())
                .put("value", result.value())
                .put("stderr", result.standardError())
                .put("tokens", result.tokens())
                .put("windows", result.windows())
                .put("seconds", seconds(begun));
    }

    private ObjectNode kl(MeasuredModel measured, int[] tokens, Windows windows, Executor how, Workers workers) {
        long begun = System.nanoTime();
        Divergence result;
        Path other = ModelArgument.resolve(String.valueOf(reference), HubCache.of(System.getenv()));
        try (MeasuredModel compared = MeasuredModel.open(other, how, workers);
                ProgressDisplay progress = new ProgressDisplay(console, "eval")) {
            result = Divergence.of(measured.logits(), compared.logits(), tokens, windows, maxWindows, progress);
        }
        if (!common.json) {
            line("mean KL", "%.6f ± %.6f nats a token", Math.max(0, result.meanKl()), result.standardError());
            line(
                    "KL",
                    "median %.6f, 99 %% below %.4f, greatest %.4f",
                    result.medianKl(),
                    result.kl99(),
                    result.maxKl());
            line("same top token", "%.2f %%", 100 * result.top1Agreement());
            line("perplexity", "%.4f, of the reference %.4f", result.perplexity(), result.referencePerplexity());
            line("over", "%,d tokens in %d windows of %d", result.tokens(), result.windows(), windows.size());
            line("how", "protocol %s, executor %s, %.1f s", protocol, executor, seconds(begun));
        }
        return Json.object()
                .put("task", task)
                .put("protocol", protocol)
                .put("executor", executor)
                .put("window", windows.size())
                .put("value", result.meanKl())
                .put("mean_kl", result.meanKl())
                .put("stderr", result.standardError())
                .put("median_kl", result.medianKl())
                .put("kl_99", result.kl99())
                .put("kl_999", result.kl999())
                .put("max_kl", result.maxKl())
                .put("top1_agreement", result.top1Agreement())
                .put("ppl", result.perplexity())
                .put("ppl_reference", result.referencePerplexity())
                .put("tokens", result.tokens())
                .put("windows", result.windows())
                .put("seconds", seconds(begun));
    }

    private String text() {
        try {
            return Files.readString(data);
        } catch (CharacterCodingException e) {
            throw new QuernException(data + ": not UTF-8 text; --data is a plain text file", e);
        } catch (IOException e) {
            if (Files.isDirectory(data)) {
                throw new QuernException(data + ": is a directory, expected a text file", e);
            }
            throw new UncheckedIOException(data + ": cannot be read", e);
        }
    }

    private static double seconds(long begun) {
        return (System.nanoTime() - begun) / 1e9;
    }

    private void line(String name, String format, Object... values) {
        console.out().println(String.format(Locale.ROOT, "%-14s  ", name) + String.format(Locale.ROOT, format, values));
    }
}
