package dev.quern.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.QuernException;
import dev.quern.core.UsageException;
import dev.quern.eval.SpeedBench;
import dev.quern.eval.SyntheticModel;
import dev.quern.formats.Json;
import dev.quern.kernels.MemoryBandwidth;
import dev.quern.kernels.Workers;
import dev.quern.methods.PeakMemory;
import dev.quern.runtime.Model;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Visibility;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

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
        footer = {
            "",
            "Examples:",
            "  quern bench demo",
            "  quern bench model.gguf --prompt-tokens 128 --threads 4",
            "  quern bench model.gguf --prompt-tokens 4096 --kv-bits 16",
            "  quern bench --synthetic 7b --dtype gptq-4 --prompt-tokens 128 --gen-tokens 32"
        })
final class BenchCommand implements Callable<Integer> {
    private final Console console;

    @Parameters(
            arity = "0..1",
            paramLabel = "MODEL",
            description = "A directory, a .gguf file, 'demo' or a hub id; none with --synthetic.",
            showDefaultValue = Visibility.NEVER)
    @Nullable
    String model;

    @Option(
            names = "--synthetic",
            paramLabel = "SHAPE",
            description = "Random weights of a Llama of 1b, 3b or 7b parameters instead of a model.")
    @Nullable
    String synthetic;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            defaultValue = "q4_0",
            description = "Their encoding: bf16, f16, int8, a GGUF type, gptq-2, -3, -4, -8, or a vector shape such as"
                    + " vptq-v8-k4096 and vptq-v4-k64-64.")
    String dtype = "q4_0";

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
        String named = model;
        if ((named == null) == (synthetic == null)) {
            throw new UsageException("bench takes a MODEL or --synthetic 1b|3b|7b");
        }
        if (synthetic != null) {
            SyntheticModel random = SyntheticModel.of(synthetic, dtype);
            double bandwidth = bandwidth();
            try (Workers workers = Workers.of(threads.count())) {
                show(load, bandwidth, new Model(random.network(), kv.on(random), workers));
            }
            return 0;
        }
        Path path = ModelArgument.resolve(Objects.requireNonNull(named));
        double bandwidth = bandwidth();
        try (LoadedModel loaded = LoadedModel.open(path, adapter.folder(), kv, threads.count())) {
            show(load, bandwidth, loaded.model());
        }
        return 0;
    }

    /// Measured before the weights take the memory.
    private double bandwidth() {
        try (Workers workers = Workers.of(threads.count())) {
            return MemoryBandwidth.measure(workers);
        }
    }

    private void show(SpeedBench.Load load, double bandwidth, Model measured) {
        int context = measured.network().config().maxPositions();
        if ((long) promptTokens + genTokens > context) {
            throw new QuernException("--prompt-tokens and --gen-tokens make " + ((long) promptTokens + genTokens)
                    + " and the model's context holds " + context + "; ask for fewer");
        }
        SpeedBench result;
        try (ProgressDisplay progress = new ProgressDisplay(console, "bench")) {
            result = SpeedBench.of(measured, load, bandwidth, progress);
        }
        List<String> activations = measured.activations();
        int kvBits = measured.kv().bits();
        if (common.json) {
            ObjectNode json = Json.object()
                    .put("threads", result.threads())
                    .put("prefill_tokens_per_second", result.prefillTokensPerSecond())
                    .put("decode_tokens_per_second", result.decodeTokensPerSecond())
                    .put("weight_bytes", result.weightBytes())
                    .put("read_bytes_per_second", result.readBytesPerSecond())
                    .put("memory_bandwidth_bytes_per_second", result.memoryBandwidthBytesPerSecond())
                    .put("kernel", result.kernel())
                    .put("peak_rss_bytes", PeakMemory.bytes())
                    .put("kv_bits", kvBits)
                    .put("kv_bytes_per_position", result.cacheBytesPerPosition());
            activations.forEach(json.putArray("activations")::add);
            JsonOut.print(console.out(), json);
        } else {
            print(result);
            activations.forEach(way -> line("inputs", "%s", way));
            line("cache", "%d bits, %s a position", kvBits, ByteSize.print(result.cacheBytesPerPosition()));
        }
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
