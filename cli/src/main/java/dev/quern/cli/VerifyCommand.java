package dev.quern.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.UsageException;
import dev.quern.formats.Json;
import dev.quern.methods.ShortDivergence;
import dev.quern.methods.Verification;
import dev.quern.models.Checkpoint;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `quern verify`: is a model on disk whole and sound?
@Command(
        name = "verify",
        sortOptions = false,
        showDefaultValues = true,
        header = "Checks a model on disk: checksums, every parameter there, every weight finite, predictions sane.",
        description = {
            "Checksums are compared where the model has a quern.json. With --reference both",
            "models predict a short text. Exit code 1 where anything is wrong."
        },
        footer = {"", "Examples:", "  quern verify model-gptq", "  quern verify model.gguf --reference model --json"})
final class VerifyCommand implements Callable<Integer> {
    private final Console console;

    @Mixin
    ModelArgument model = new ModelArgument();

    @Option(
            names = "--reference",
            paramLabel = "MODEL",
            description = "The model that it was made of: predictions must be nearer to its than a guess is.")
    @Nullable
    String reference;

    @Option(
            names = "--max-kl",
            paramLabel = "NATS",
            description = "The divergence from --reference that is allowed (default: that of a guess).")
    @Nullable
    Double mostKl;

    @Mixin
    Common common = new Common();

    VerifyCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        if (mostKl != null && reference == null) {
            throw new UsageException("--max-kl is a divergence from another model: name it with --reference");
        }
        Verification.Report report;
        ShortDivergence divergence = null;
        List<String> problems;
        try (Checkpoint checkpoint = Checkpoint.open(model.resolve());
                ProgressDisplay progress = new ProgressDisplay(console, "verify")) {
            report = Verification.of(checkpoint, progress);
            problems = new ArrayList<>(report.problems());
            if (reference != null && problems.isEmpty()) {
                try (Checkpoint source = Checkpoint.open(ModelArgument.resolve(reference))) {
                    source.requireSupported();
                    divergence = ShortDivergence.of(checkpoint, source, progress);
                }
                problem(divergence).ifPresent(problems::add);
            }
        }
        if (common.json) {
            ObjectNode json = Json.object()
                    .put("sound", problems.isEmpty())
                    .put("checksums", report.checksums())
                    .put("parameters", report.parameters())
                    .put("weights", report.weights());
            if (divergence != null) {
                divergence.addTo(json);
            }
            problems.forEach(json.putArray("problems")::add);
            JsonOut.print(console.out(), json);
        } else {
            console.out()
                    .println(report.parameters() + " parameters with " + report.weights() + " weights read, "
                            + (report.checksums() == 0
                                    ? "no checksums to compare"
                                    : report.checksums() + " checksums compared"));
            if (divergence != null) {
                console.out().println("predictions " + divergence);
            }
            problems.forEach(console.out()::println);
            console.out().println(problems.isEmpty() ? "sound" : problems.size() + " problems");
        }
        return problems.isEmpty() ? 0 : 1;
    }

    private Optional<String> problem(ShortDivergence divergence) {
        if (!divergence.sound()) {
            return Optional.of(divergence.problem());
        }
        return mostKl != null && !(divergence.mean() <= mostKl)
                ? Optional.of("its predictions are " + divergence + ", more than --max-kl " + mostKl)
                : Optional.empty();
    }
}
