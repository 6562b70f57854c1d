package dev.quern.cli;

import dev.quern.core.QuernException;
import dev.quern.core.UsageException;
import dev.quern.eval.Windows;
import dev.quern.formats.Imatrix;
import dev.quern.formats.Json;
import dev.quern.kernels.Workers;
import dev.quern.methods.InputSquares;
import dev.quern.models.Checkpoint;
import dev.quern.text.Tokenizer;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Visibility;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `quern imatrix`: how much each input of each matrix matters on a text.
@Command(
        name = "imatrix",
        sortOptions = false,
        showDefaultValues = true,
        header = "Measures how much each input of each matrix matters, for convert --imatrix.",
        description = {
            "Runs windows of a text through the model and sums the squares of every matrix's inputs.",
            "The file is llama.cpp's: its tools read it, and convert reads theirs."
        },
        footer = {
            "",
            "Examples:",
            "  quern imatrix model --data wiki.txt -o imatrix.gguf",
            "  quern convert model -o model.gguf --dtype q4_k_m --imatrix imatrix.gguf"
        })
final class ImatrixCommand implements Callable<Integer> {
    private final Console console;

    @Mixin
    ModelArgument model = new ModelArgument();

    @Option(
            names = "--data",
            paramLabel = "FILE",
            required = true,
            showDefaultValue = Visibility.NEVER,
            description = "Text in UTF-8, like what the model will be used on.")
    Path data = Path.of("");

    @Option(
            names = {"-o", "--output"},
            paramLabel = "OUT",
            required = true,
            showDefaultValue = Visibility.NEVER,
            description = "The file to be made: .gguf, or .dat for llama.cpp's older form.")
    Path output = Path.of("");

    @Option(names = "--window", paramLabel = "N", defaultValue = "512", description = "Tokens of a window.")
    int window;

    @Option(
            names = "--max-windows",
            paramLabel = "N",
            defaultValue = "64",
            description = "At most so many, from the text's start; 0 = all.")
    int maxWindows;

    @Option(names = "--overwrite", description = "Replace an output that exists.")
    boolean overwrite;

    @Mixin
    Threads threads = new Threads();

    @Mixin
    Common common = new Common();

    ImatrixCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        require();
        Imatrix matrix;
        try (Checkpoint checkpoint = Checkpoint.open(model.resolve());
                Workers workers = Workers.of(threads.count());
                ProgressDisplay progress = new ProgressDisplay(console, "imatrix")) {
            checkpoint.requireSupported();
            List<int[]> windows = windows(checkpoint);
            String name = data.toString();
            matrix = InputSquares.measure(checkpoint, windows, name, workers::run, progress);
        }
        matrix.write(output);
        if (common.json) {
            JsonOut.print(
                    console.out(),
                    Json.object()
                            .put("output", output.toString())
                            .put("matrices", matrix.entries().size())
                            .put("windows", matrix.chunks())
                            .put("tokens", (long) matrix.chunks() * matrix.chunkSize()));
        } else {
            console.out()
                    .println(output + ": " + matrix.entries().size() + " matrices over " + matrix.chunks()
                            + " windows of " + matrix.chunkSize() + " tokens");
        }
        return 0;
    }

    private void require() {
        String name = output.toString();
        if (!name.endsWith(".gguf") && !name.endsWith(".dat")) {
            throw new UsageException("--output is " + name + "; its name ends in .gguf, or in .dat for the older form");
        }
        if (maxWindows < 0) {
            throw new UsageException("--max-windows is 0 (all) or more, not " + maxWindows);
        }
        if (Files.exists(output) && !overwrite) {
            throw new QuernException(output + ": exists already; choose another output or --overwrite it");
        }
    }

    private List<int[]> windows(Checkpoint checkpoint) {
        try (Tokenizer tokenizer = checkpoint.tokenizer()) {
            tokenizer.check(checkpoint.network().config().vocabSize());
            int[] tokens = tokenizer.encode(Files.readString(data));
            return Windows.llamaCpp(window, tokenizer.addedBos()).cut(tokens, maxWindows);
        } catch (CharacterCodingException e) {
            throw new QuernException(data + ": not UTF-8 text; --data is a plain text file", e);
        } catch (IOException e) {
            throw new QuernException(data + ": cannot be read; --data is a text file, check the path", e);
        }
    }
}
