package dev.quern.cli;

import dev.quern.core.UsageException;
import dev.quern.formats.Json;
import dev.quern.hub.HubId;
import dev.quern.hub.HubSettings;
import dev.quern.hub.Pull;
import dev.quern.hub.PullReport;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Visibility;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `quern pull`: a model from a hub into the shared cache.
@Command(
        name = "pull",
        sortOptions = false,
        showDefaultValues = true,
        header = "Fetches a model from a hub into the cache that its tools share.",
        description = {
            "Goes on where a broken fetch ended; every file is checked against the hub's",
            "checksum. Honours HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE."
        },
        footer = {
            "",
            "Examples:",
            "  quern pull HuggingFaceTB/SmolLM2-135M-Instruct",
            "  quern pull org/name-GGUF --include '*Q4_K_M.gguf'"
        })
final class PullCommand implements Callable<Integer> {
    private final Console console;

    @Parameters(paramLabel = "ID", description = "org/name or org/name@revision.", showDefaultValue = Visibility.NEVER)
    String id = "";

    @Option(
            names = "--include",
            paramLabel = "PATTERN",
            description = "Only files like this, for instance '*.gguf'; may be given several times (default: weights in"
                    + " safetensors, or the one GGUF file, and the small files beside them).",
            showDefaultValue = Visibility.NEVER)
    List<String> include = List.of();

    @Option(
            names = "--exclude",
            paramLabel = "PATTERN",
            description = "No files like this.",
            showDefaultValue = Visibility.NEVER)
    List<String> exclude = List.of();

    @Option(names = "--connections", paramLabel = "N", defaultValue = "4", description = "Files at a time.")
    int connections = 4;

    @Mixin
    Common common = new Common();

    PullCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        HubId wanted = HubId.of(id)
                .orElseThrow(() -> new UsageException(
                        "'" + id + "' is no hub id; write org/name or org/name@revision, for instance"
                                + " HuggingFaceTB/SmolLM2-135M-Instruct"));
        if (connections < 1 || connections > 32) {
            throw new UsageException("--connections is 1 to 32, not " + connections);
        }
        PullReport report;
        try (ProgressDisplay progress = new ProgressDisplay(console, "pull")) {
            report = new Pull(HubSettings.of(System.getenv()), include, exclude, connections).run(wanted, progress);
        }
        if (common.json) {
            JsonOut.print(
                    console.out(),
                    Json.object()
                            .put("id", wanted.toString())
                            .put("path", report.folder().toString())
                            .put("commit", report.commit())
                            .put("files", report.files())
                            .put("bytes", report.bytes())
                            .put("received_bytes", report.received()));
        } else {
            console.out()
                    .println(report.folder() + ": " + report.files() + " files, " + ByteSize.print(report.bytes())
                            + ", of which " + ByteSize.print(report.received()) + " came now");
        }
        return 0;
    }
}
