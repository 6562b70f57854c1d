package dev.quern.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.QuernException;
import dev.quern.demo.Demo;
import dev.quern.demo.DemoModel;
import dev.quern.demo.DemoPage;
import dev.quern.demo.DemoTable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `quern demo`: what quantizing does to a model, seen in a minute or two.
@Command(
        name = "demo",
        sortOptions = false,
        showDefaultValues = true,
        header = "Quantizes a tiny model with every method, measures what was written, lets it talk.",
        description = {
            "The model ships with Quern; nothing is fetched. Each method runs at 4, 3 and 2 bits;",
            "the written files are measured on text that the model never saw."
        },
        footer = {"", "Examples:", "  quern demo", "  quern demo -o tour --json"})
final class DemoCommand implements Callable<Integer> {
    private final Console console;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "DIR",
            defaultValue = "out/demo",
            description = "Where the quantized models and the page go.")
    Path output = Path.of("out", "demo");

    @Option(names = "--seed", paramLabel = "S", defaultValue = "0", description = "Seed of texts and methods.")
    long seed;

    @Mixin
    Threads threads = new Threads();

    @Mixin
    Common common = new Common();

    DemoCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        Demo.Result result;
        try (ProgressDisplay progress = new ProgressDisplay(console, "demo")) {
            Demo.Options options = Demo.Options.of(threads.count(), seed);
            result = Demo.run(DemoModel.directory(), output, options, progress);
        }
        Path page = output.resolve("index.html");
        try {
            Files.writeString(page, DemoPage.html(result));
        } catch (IOException e) {
            throw new QuernException(page + ": cannot be written: " + e.getMessage(), e);
        }
        if (common.json) {
            ObjectNode json = DemoTable.json(result);
            JsonOut.print(console.out(), json.put("page", page.toString()));
        } else {
            console.out().print(DemoTable.text(result));
            console.out()
                    .println(String.format(
                            Locale.ROOT,
                            "%nTook %.0f s. The same with a chart: %s%nTalk to one of them: quern generate %s --chat",
                            result.seconds(),
                            page,
                            result.rows().getLast().directory()));
        }
        return 0;
    }
}
