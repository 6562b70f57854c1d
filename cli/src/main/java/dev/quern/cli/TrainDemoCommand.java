package dev.quern.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.UsageException;
import dev.quern.demo.TrainDemo;
import dev.quern.formats.Json;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `quern train-demo`: makes the demo model anew. For those who work on Quern, so the list of commands hides it.
@Command(
        name = "train-demo",
        hidden = true,
        sortOptions = false,
        showDefaultValues = true,
        header = "Trains the demo model from nothing, or goes on from another one.",
        description = "A training that was stopped goes on where it was when the same command is given again.",
        footer = {"", "Example:", "  quern train-demo -o out/model --steps 2500"})
final class TrainDemoCommand implements Callable<Integer> {
    private final Console console;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "DIR",
            required = true,
            description = "Where the model goes.")
    Path output = Path.of("");

    @Option(names = "--steps", paramLabel = "N", defaultValue = "4000", description = "Optimizer steps.")
    int steps;

    @Option(names = "--batch", paramLabel = "N", defaultValue = "8", description = "Sequences a step.")
    int batch;

    @Option(names = "--length", paramLabel = "N", defaultValue = "256", description = "Tokens a sequence.")
    int length;

    @Option(names = "--rate", paramLabel = "R", defaultValue = "0.003", description = "Highest learning rate.")
    double rate;

    @Option(names = "--seed", paramLabel = "S", defaultValue = "0", description = "Seed of text and weights.")
    long seed;

    @Option(names = "--save-every", paramLabel = "N", defaultValue = "50", description = "Steps between two saves.")
    int saveEvery;

    @Option(
            names = "--start",
            paramLabel = "DIR",
            description = "A demo model to go on from; random weights if left out.")
    @Nullable
    Path start;

    @Mixin
    Common common = new Common();

    TrainDemoCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        if (steps < 1 || batch < 2 || length < 8 || saveEvery < 1 || !(rate > 0)) {
            throw new UsageException("--steps and --save-every are at least 1, --batch 2, --length 8, --rate above 0");
        }
        TrainDemo.Config config = new TrainDemo.Config(steps, batch, length, rate, seed, saveEvery, start);
        TrainDemo.Result result =
                TrainDemo.run(output, config, line -> console.err().println("train-demo: " + line));
        if (common.json) {
            ObjectNode json = Json.object()
                    .put("steps", result.steps())
                    .put("tokens", result.tokens())
                    .put("training_loss", result.trainingLoss())
                    .put("held_out_loss", result.heldOutLoss())
                    .put("seconds", result.seconds());
            JsonOut.print(console.out(), json);
        } else {
            console.out()
                    .println(String.format(
                            Locale.ROOT,
                            "%s: %d steps, %d tokens, loss %.4f, held out %.4f, %.0f s",
                            output,
                            result.steps(),
                            result.tokens(),
                            result.trainingLoss(),
                            result.heldOutLoss(),
                            result.seconds()));
        }
        return 0;
    }
}
