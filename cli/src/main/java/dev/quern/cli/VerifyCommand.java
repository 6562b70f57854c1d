package dev.quern.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.formats.Json;
import dev.quern.methods.Verification;
import dev.quern.models.Checkpoint;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/// `quern verify`: is a model on disk whole and sound?
@Command(
        name = "verify",
        sortOptions = false,
        showDefaultValues = true,
        header = "Checks a model on disk: checksums, every parameter there, every weight finite.",
        description = {
            "Checksums are compared where the model has a quern.json. Exit code 1 where",
            "anything is wrong."
        },
        footer = {"", "Examples:", "  quern verify model-gptq", "  quern verify model.gguf --json"})
final class VerifyCommand implements Callable<Integer> {
    private final Console console;

    @Mixin
    ModelArgument model = new ModelArgument();

    @Mixin
    Common common = new Common();

    VerifyCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        Verification.Report report;
        try (Checkpoint checkpoint = Checkpoint.open(model.resolve());
                ProgressDisplay progress = new ProgressDisplay(console, "verify")) {
            report = Verification.of(checkpoint, progress);
        }
        if (common.json) {
            ObjectNode json = Json.object()
                    .put("sound", report.sound())
                    .put("checksums", report.checksums())
                    .put("parameters", report.parameters())
                    .put("weights", report.weights());
            report.problems().forEach(json.putArray("problems")::add);
            JsonOut.print(console.out(), json);
        } else {
            console.out()
                    .println(report.parameters() + " parameters with " + report.weights() + " weights read, "
                            + (report.checksums() == 0
                                    ? "no checksums to compare"
                                    : report.checksums() + " checksums compared"));
            report.problems().forEach(console.out()::println);
            console.out().println(report.sound() ? "sound" : report.problems().size() + " problems");
        }
        return report.sound() ? 0 : 1;
    }
}
