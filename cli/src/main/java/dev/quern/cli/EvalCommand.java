package dev.quern.cli;

import dev.quern.core.Nearest;
import dev.quern.core.QuernException;
import dev.quern.core.UsageException;
import dev.quern.eval.ChoiceQuestion;
import dev.quern.eval.ChoiceScore;
import dev.quern.eval.ChoiceTask;
import dev.quern.eval.Divergence;
import dev.quern.eval.Perplexity;
import dev.quern.eval.Windows;
import dev.quern.kernels.Workers;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Visibility;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `quern eval`: how well a model predicts text, or how far it is from another.
@Command(
        name = "eval",
        sortOptions = false,
        showDefaultValues = true,
        header = "Measures a model on text or questions.",
        description = {
            "perplexity: exp of the mean loss a token; two protocols, whose numbers do not compare.",
            "kl: divergence from --reference, position by position, both run side by side.",
            "The others: choices among continuations, scored as lm-eval does."
        },
        footer = {
            "",
            "Examples:",
            "  quern eval model --task perplexity --data wiki.txt --max-windows 16",
            "  quern eval model.gguf --task perplexity --protocol llama.cpp --data wiki.txt",
            "  quern eval model-w4 --task kl --reference model --data wiki.txt",
            "  quern eval model --task hellaswag --data validation.jsonl --limit 200"
        })
final class EvalCommand implements Callable<Integer> {
    private static final String PERPLEXITY = "perplexity";
    private static final String KL = "kl";
    private static final String PAPER = "paper";
    private static final String LLAMA_CPP = "llama.cpp";

    private final Console console;

    @Mixin
    ModelArgument model = new ModelArgument();

    @Mixin
    AdapterOption adapter = new AdapterOption();

    @Mixin
    KvOption kv = new KvOption();

    @Option(
            names = "--task",
            paramLabel = "TASK",
            defaultValue = PERPLEXITY,
            completionCandidates = TaskNames.class,
            description = "One of: ${COMPLETION-CANDIDATES}.")
    String task = PERPLEXITY;

    @Option(
            names = "--data",
            paramLabel = "FILE",
            required = true,
            showDefaultValue = Visibility.NEVER,
            description = "Text in UTF-8, or the JSON Lines file of a choice task.")
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

    @Option(
            names = "--limit",
            paramLabel = "N",
            defaultValue = "0",
            description = "At most so many questions; 0 = all.")
    int limit;

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
        require();
        try (Workers workers = Workers.of(threads.count());
                MeasuredModel measured = MeasuredModel.open(model.resolve(), adapter.folder(), kv, how, workers);
                ProgressDisplay progress = new ProgressDisplay(console, "eval")) {
            long begun = System.nanoTime();
            EvalReport report = ChoiceTask.named(task)
                    .map(choices -> choices(choices, measured, progress))
                    .orElseGet(() -> text(measured, how, workers, progress))
                    .run(how, measured.activations(), (System.nanoTime() - begun) / 1e9);
            progress.close();
            if (common.json) {
                JsonOut.print(console.out(), report.json());
            } else {
                report.lines().forEach(console.out()::println);
            }
        }
        return 0;
    }

    private void require() {
        requireKnown("task", task, new TaskNames());
        requireKnown("protocol", protocol, List.of(PAPER, LLAMA_CPP));
        requireNotNegative("--max-windows", maxWindows);
        requireNotNegative("--limit", limit);
        if (task.equals(KL) && reference == null) {
            throw new UsageException("--task kl needs --reference, the model to compare with");
        }
        if (!task.equals(KL) && reference != null) {
            throw new UsageException("--reference belongs to --task kl");
        }
    }

    private static void requireKnown(String kind, String word, List<String> known) {
        if (!known.contains(word)) {
            throw Nearest.unknown(kind, word, known);
        }
    }

    private static void requireNotNegative(String option, int value) {
        if (value < 0) {
            throw new UsageException(option + " is 0 (all) or more, not " + value);
        }
    }

    private EvalReport choices(ChoiceTask choices, MeasuredModel measured, ProgressDisplay progress) {
        List<ChoiceQuestion> questions = choices.questions(data, limit);
        return EvalReport.of(ChoiceScore.of(
                choices.name(),
                measured.logits(),
                text -> measured.tokenizer().encode(text, false),
                questions,
                measured.maxPositions(),
                progress));
    }

    private EvalReport text(MeasuredModel measured, Executor how, Workers workers, ProgressDisplay progress) {
        int[] tokens = measured.tokenizer().encode(text());
        Windows windows = protocol.equals(PAPER)
                ? Windows.paper(window == null ? 2048 : window)
                : Windows.llamaCpp(
                        window == null ? 512 : window, measured.tokenizer().addedBos());
        if (reference == null) {
            return EvalReport.of(
                    Perplexity.of(measured.logits(), tokens, windows, maxWindows, progress), windows.size());
        }
        // a text that is too short is told before the second model is read
        windows.cut(tokens, 1);
        try (MeasuredModel other = MeasuredModel.open(
                ModelArgument.resolve(reference), Optional.empty(), KvOption.DEFAULT, how, workers)) {
            return EvalReport.of(
                    Divergence.of(measured.logits(), other.logits(), tokens, windows, maxWindows, progress),
                    protocol,
                    windows.size());
        }
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

    /// For `--help` and shell completion.
    static final class TaskNames extends ArrayList<String> {
        private static final long serialVersionUID = 1L;

        TaskNames() {
            super(List.of(PERPLEXITY, KL));
            ChoiceTask.ALL.forEach(task -> add(task.name()));
        }
    }
}
