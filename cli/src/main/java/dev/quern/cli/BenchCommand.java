package dev.quern.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.QuernException;
import dev.quern.eval.SpeedBench;
import dev.quern.formats.Json;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `quern bench`: how fast a model runs here.
@Command(
        name = "bench",
        sortOptions = false,
        showDefaultValues = true,
        header = "Measures how fast a model runs on this machine.",
        description = {
            "Speeds are medians over the repeats. Decoding reads all weights for each token, so the",
            "machine's memory bandwidth, measured in the same run, is its ceiling."
        },
        footer = {"", "Examples:", "  quern bench demo", "  quern bench model.gguf --prompt-tokens 128 --threads 4"})
final class BenchCommand implements Callable<Integer> {
    private final Console console;

    @Mixin
    ModelArgument model = new ModelArgument();

    @Mixin
    AdapterOption adapter = new AdapterOption();

    @Mixin
    KvOption kv = new KvOption();

    @Option(names = "--prompt-tokens", paramLabel = "N", defaultValue = "512", description = "Length of the prompt.")
    int promptTokens;

    @Option(names = "--gen-tokens", paramLabel = "N", defaultValue = "128", description = "Tokens decoded after it.")
    int genTokens;

    @Option(names = "--repeat", paramLabel = "N", defaultValue = "3", description = "How often.")
    int repeat;

    @Mixin
    Threads threads = new Threads();

    @Mixin
    Common common = new Common();

    BenchCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        SpeedBench.Load load = new SpeedBench.Load(promptTokens, genTokens, repeat);
        SpeedBench result;
        List<String> activations;
        int kvBits;
        try (LoadedModel loaded = LoadedModel.open(model.resolve(), adapter.folder(), kv, threads.count());
                ProgressDisplay progress = new ProgressDisplay(console, "bench")) {
            int context = loaded.model().network().config().maxPositions();
            if ((long) promptTokens + genTokens > context) {
                throw new QuernException("--prompt-tokens and --gen-tokens make " + ((long) promptTokens + genTokens)
                        + " and the model's context holds " + context + "; ask for fewer");
            }
            result = SpeedBench.of(loaded.model(), load, progress);
            activations = loaded.model().activations();
            kvBits = loaded.model().kv().bits();
        }
        if (common.json) {
            ObjectNode json = Json.object()
                    .put("threads", result.threads())
                    .put("prefill_tokens_per_second", result.prefillTokensPerSecond())
                    .put("decode_tokens_per_second", result.decodeTokensPerSecond())
                    .put("weight_bytes", result.weightBytes())
                    .put("read_bytes_per_second", result.readBytesPerSecond())
                    .put("memory_bandwidth_bytes_per_second", result.memoryBandwidthBytesPerSecond())
                    .put("kernel", result.kernel())
                    .put("kv_bits", kvBits);
            activations.forEach(json.putArray("activations")::add);
            JsonOut.print(console.out(), json);
        } else {
            print(result);
            activations.forEach(way -> line("inputs", "%s", way));
            if (kvBits < 16) {
                line("cache", "%d bits", kvBits);
            }
        }
        return 0;
    }

    private void print(SpeedBench result) {
        line("prefill", "%.1f tokens/s (%d tokens)", result.prefillTokensPerSecond(), promptTokens);
        line("decode", "%.1f tokens/s (%d tokens)", result.decodeTokensPerSecond(), genTokens);
        line(
                "reads",
                "%s a token, %s/s, %.0f %% of the memory's %s/s",
                ByteSize.print(result.weightBytes()),
                ByteSize.print(result.readBytesPerSecond()),
                100 * result.readBytesPerSecond() / result.memoryBandwidthBytesPerSecond(),
                ByteSize.print(result.memoryBandwidthBytesPerSecond()));
        line("kernel", "%s", result.kernel());
        line("threads", "%d", result.threads());
    }

    private void line(String name, String format, Object... values) {
        console.out().println(String.format(Locale.ROOT, "%-8s  ", name) + String.format(Locale.ROOT, format, values));
    }
}
