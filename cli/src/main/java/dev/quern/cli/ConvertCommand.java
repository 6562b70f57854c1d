package dev.quern.cli;

import dev.quern.core.Nearest;
import dev.quern.core.QuernException;
import dev.quern.formats.Json;
import dev.quern.models.Checkpoint;
import dev.quern.models.ConvertOptions;
import dev.quern.models.ConvertReport;
import dev.quern.models.ConvertType;
import dev.quern.models.Converter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Visibility;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `quern convert`: the same model in another format or encoding.
@Command(
        name = "convert",
        sortOptions = false,
        showDefaultValues = true,
        header = "Writes a model in another format or encoding.",
        description = {
            "Codes are taken over where both sides can hold them. Only q8_0, q4_0 and q4_1 round",
            "anew, as llama.cpp does; for less loss use quantize."
        },
        footer = {
            "",
            "Examples:",
            "  quern convert model.gguf -o model --to safetensors --dtype f32",
            "  quern convert model -o model.gguf --dtype q8_0",
            "  quern convert model-gptq -o model-v2 --dtype gptq_v2"
        })
final class ConvertCommand implements Callable<Integer> {
    private final Console console;

    @Mixin
    ModelArgument model = new ModelArgument();

    @Mixin
    AdapterOption adapter = new AdapterOption();

    @Option(
            names = {"-o", "--output"},
            paramLabel = "OUT",
            required = true,
            showDefaultValue = Visibility.NEVER,
            description = "A directory to be made, or a GGUF file.")
    Path output = Path.of("");

    @Option(
            names = "--to",
            paramLabel = "FORMAT",
            description = "safetensors or gguf (default: gguf where OUT ends in .gguf, else safetensors).")
    @Nullable
    String to;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            defaultValue = "f32",
            description = "How matrices are stored: f32, bf16, f16; for gguf also q8_0, q4_0, q4_1; for safetensors"
                    + " also gptq, gptq_v2.")
    String dtype = "f32";

    @Option(names = "--overwrite", description = "Replace an output that exists.")
    boolean overwrite;

    @Mixin
    Common common = new Common();

    ConvertCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        ConvertOptions options = new ConvertOptions(format(), type());
        requireFree();
        ConvertReport report;
        try (Checkpoint checkpoint = Checkpoint.open(model.resolve(), adapter.folder());
                ProgressDisplay progress = new ProgressDisplay(console, "convert")) {
            report = Converter.convert(checkpoint, output, options, progress);
        }
        if (common.json) {
            JsonOut.print(
                    console.out(),
                    Json.object()
                            .put("output", output.toString())
                            .put("to", options.to())
                            .put("dtype", dtype.toLowerCase(Locale.ROOT))
                            .put("bytes", report.bytes())
                            .put("tensors", report.tensors())
                            .put("lossless", report.lossless()));
        } else {
            console.out()
                    .println(output + ": " + report.tensors() + " tensors, " + ByteSize.print(report.bytes()) + ", "
                            + (report.lossless() ? "every weight as it was" : "weights rounded"));
        }
        return 0;
    }

    private String format() {
        List<String> known = List.of(ConvertOptions.SAFETENSORS, ConvertOptions.GGUF);
        if (to == null) {
            return output.toString().toLowerCase(Locale.ROOT).endsWith(".gguf")
                    ? ConvertOptions.GGUF
                    : ConvertOptions.SAFETENSORS;
        }
        if (!known.contains(to)) {
            throw Nearest.unknown("format", to, known);
        }
        return to;
    }

    private ConvertType type() {
        List<String> known = Arrays.stream(ConvertType.values())
                .map(type -> type.name().toLowerCase(Locale.ROOT))
                .toList();
        if (!known.contains(dtype.toLowerCase(Locale.ROOT))) {
            throw Nearest.unknown("dtype", dtype, known);
        }
        return ConvertType.named(dtype);
    }

    private void requireFree() {
        String[] names = output.toFile().list();
        boolean empty = names != null && names.length == 0;
        if (Files.exists(output) && !empty && !overwrite) {
            throw new QuernException(output + ": exists already; choose another output or --overwrite it");
        }
    }
}
