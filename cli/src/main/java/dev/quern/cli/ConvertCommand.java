package dev.quern.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.Nearest;
import dev.quern.core.QuernException;
import dev.quern.formats.Imatrix;
import dev.quern.formats.Json;
import dev.quern.models.Checkpoint;
import dev.quern.models.ConvertOptions;
import dev.quern.models.ConvertReport;
import dev.quern.models.ConvertType;
import dev.quern.models.Converter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
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
            "Codes are taken over where both sides can hold them. GGUF blocks are searched anew for",
            "other weights, in llama.cpp's mixtures (q4_k_m and its siblings)."
        },
        footer = {
            "",
            "Examples:",
            "  quern convert model.gguf -o model --to safetensors --dtype f32",
            "  quern convert model -o model.gguf --dtype q8_0",
            "  quern convert model -o model.gguf --dtype q4_k_m --imatrix imatrix.gguf",
            "  quern convert model-gptq -o model-awq --dtype awq",
            "  quern convert model --adapter lora -o lora-f16 --to peft --dtype f16"
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
            description =
                    "safetensors, gguf, or peft for the adapter alone (default: gguf where OUT ends in .gguf, else"
                            + " safetensors).")
    @Nullable
    String to;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            defaultValue = "f32",
            completionCandidates = TypeNames.class,
            description = "How matrices are stored: ${COMPLETION-CANDIDATES}. Blocks (with a q in front) exist in gguf"
                    + " only; gptq, gptq_v2, awq and pack-quantized, which take over codes, in safetensors only.")
    String dtype = "f32";

    @Option(
            names = "--imatrix",
            paramLabel = "FILE",
            description = "How much each input matters, from quern imatrix or llama.cpp: serves the choice of codes.")
    @Nullable
    Path imatrix;

    @Option(
            names = "--requantize",
            description = "Choose new codes even for weights that are quantized already and would be rounded twice.")
    boolean requantize;

    @Option(names = "--overwrite", description = "Replace an output that exists.")
    boolean overwrite;

    @Mixin
    Common common = new Common();

    ConvertCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        ConvertOptions options = new ConvertOptions(
                format(), type(), false, Optional.ofNullable(imatrix).map(Imatrix::read), requantize);
        requireFree();
        ConvertReport report;
        try (Checkpoint checkpoint = Checkpoint.open(model.resolve(), adapter.folder());
                ProgressDisplay progress = new ProgressDisplay(console, "convert")) {
            report = Converter.convert(checkpoint, output, options, progress);
        }
        if (common.json) {
            ObjectNode json = Json.object()
                    .put("output", output.toString())
                    .put("to", options.to())
                    .put("dtype", dtype.toLowerCase(Locale.ROOT))
                    .put("bytes", report.bytes())
                    .put("tensors", report.tensors())
                    .put("lossless", report.lossless());
            ArrayNode fallbacks = json.putArray("fallbacks");
            report.fallbacks()
                    .forEach(f -> fallbacks
                            .addObject()
                            .put("name", f.tensor())
                            .put("columns", f.cols())
                            .put("wanted", f.wanted())
                            .put("written", f.written()));
            JsonOut.print(console.out(), json);
        } else {
            console.out()
                    .println(output + ": " + report.tensors() + " tensors, " + ByteSize.print(report.bytes()) + ", "
                            + (report.lossless() ? "every weight as it was" : "weights rounded"));
            fallbacks(report);
        }
        return 0;
    }

    /// One line for each kind of matrix that could not have the type asked for.
    private void fallbacks(ConvertReport report) {
        Map<String, List<ConvertReport.Fallback>> kinds = report.fallbacks().stream()
                .collect(Collectors.groupingBy(
                        f -> "rows of " + f.cols() + " do not divide into " + f.wanted() + " blocks, so " + f.written(),
                        TreeMap::new,
                        Collectors.toList()));
        kinds.forEach((kind, matrices) -> console.out()
                .println("  " + matrices.size() + (matrices.size() == 1 ? " matrix: " : " matrices: ") + kind + " ("
                        + matrices.getFirst().tensor() + (matrices.size() == 1 ? ")" : ", …)")));
    }

    private String format() {
        List<String> known = List.of(ConvertOptions.SAFETENSORS, ConvertOptions.GGUF, ConvertOptions.PEFT);
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
        List<String> known = new TypeNames();
        if (!known.contains(dtype.toLowerCase(Locale.ROOT))) {
            throw Nearest.unknown("dtype", dtype, known);
        }
        return ConvertType.named(dtype);
    }

    /// For `--help` and shell completion.
    static final class TypeNames extends ArrayList<String> {
        private static final long serialVersionUID = 1L;

        TypeNames() {
            Arrays.stream(ConvertType.values()).forEach(type -> add(type.toString()));
        }
    }

    private void requireFree() {
        String[] names = output.toFile().list();
        boolean empty = names != null && names.length == 0;
        if (Files.exists(output) && !empty && !overwrite) {
            throw new QuernException(output + ": exists already; choose another output or --overwrite it");
        }
    }
}
