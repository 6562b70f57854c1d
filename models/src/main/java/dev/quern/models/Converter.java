package dev.quern.models;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.BlockType;
import dev.quern.core.BlockWeight;
import dev.quern.core.DType;
import dev.quern.core.DenseWeight;
import dev.quern.core.Floats;
import dev.quern.core.GroupedWeight;
import dev.quern.core.Int8Weight;
import dev.quern.core.OutlierInt8Weight;
import dev.quern.core.PackedWeight;
import dev.quern.core.Progress;
import dev.quern.core.QuernException;
import dev.quern.core.TableWeight;
import dev.quern.core.Tensor;
import dev.quern.core.UnsupportedModelException;
import dev.quern.core.UsageException;
import dev.quern.core.VectorWeight;
import dev.quern.formats.Gguf;
import dev.quern.formats.GgufPlan;
import dev.quern.formats.GgufType;
import dev.quern.formats.Imatrix;
import dev.quern.formats.Json;
import dev.quern.formats.OutputDirectory;
import dev.quern.formats.Safetensors;
import dev.quern.formats.TensorPlan;
import dev.quern.formats.Written;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Writes a checkpoint in another format or encoding: tensor by tensor, so memory holds one at a time, and atomically.
///
/// No quantizing happens but the search for block codes where GGUF blocks are asked for, each matrix in the type that
/// the
/// mixture gives it; where both sides can hold the same codes, these are taken over.
public final class Converter {
    private static final long SHARD_BYTES = 5_000_000_000L;

    private final Checkpoint checkpoint;
    private final ConvertOptions options;
    private final Progress progress;
    private final WeightSource weights;
    private final List<Parameter> parameters;
    private final Set<String> linears;
    private final List<ConvertReport.Fallback> fallbacks = new ArrayList<>();
    private final Recoding recoding = new Recoding();
    private int done;

    private Converter(Checkpoint checkpoint, ConvertOptions options, Progress progress) {
        Support support = checkpoint.support();
        if (!support.supported()) {
            throw new UnsupportedModelException(checkpoint.path() + ": Quern does not know "
                    + String.join(", ", support.missing()) + ", so it cannot convert this model");
        }
        this.checkpoint = checkpoint;
        this.options = options;
        this.progress = progress;
        Network network = checkpoint.network();
        this.weights = Merged.of(checkpoint.weights(), network);
        this.parameters = Parameter.of(network);
        this.linears =
                Set.copyOf(network.linears().stream().map(Linear::weightName).toList());
    }

    /// Writes `checkpoint` to `out`: a directory, or one file for GGUF.
    public static ConvertReport convert(Checkpoint checkpoint, Path out, ConvertOptions options, Progress progress) {
        if (out.toAbsolutePath()
                .normalize()
                .equals(checkpoint.path().toAbsolutePath().normalize())) {
            throw new QuernException(out + ": is the model itself; choose another output");
        }
        if (options.to().equals(ConvertOptions.PEFT)) {
            return adapter(checkpoint, out, options.type());
        }
        requireHolds(checkpoint, options);
        Converter converter = new Converter(checkpoint, options, progress);
        try (converter.recoding) {
            return options.to().equals(ConvertOptions.GGUF) ? converter.toGguf(out) : converter.toDirectory(out);
        }
    }

    /// What runs before a product, and biases that a family does not have, are part of what the model computes; schemes
    /// of activations are not, and end here.
    private static void requireHolds(Checkpoint checkpoint, ConvertOptions options) {
        WeightSource weights = checkpoint.weights();
        Network network = checkpoint.network();
        for (Linear linear : network.linears()) {
            if (!weights.input(linear).transforms().isEmpty()) {
                throw new QuernException(linear.name() + ": its input goes through run-time transforms, which no other"
                        + " form of the model can say; keep the model as it is");
            }
        }
        if (options.to().equals(ConvertOptions.GGUF)
                && !QuernConfig.addedBiases(network, checkpoint.config()).isEmpty()) {
            throw new QuernException(checkpoint.path() + ": has biases that its family does not have in GGUF; convert"
                    + " to safetensors, or keep the model as it is");
        }
    }

    private static ConvertReport adapter(Checkpoint checkpoint, Path out, ConvertType type) {
        LoraAdapter adapter = checkpoint
                .adapter()
                .orElseThrow(() -> new UsageException("--to peft writes an adapter; name it with --adapter"));
        DType dtype = type.dtype().orElseThrow();
        List<Tensor> tensors = adapter.modules().values().stream()
                .flatMap(factors -> Stream.of(factors.a(), factors.b()))
                .toList();
        boolean lossless = tensors.stream().allMatch(tensor -> holds(dtype, tensor));
        long bytes =
                adapter.write(out, dtype).stream().mapToLong(Written::bytes).sum();
        return new ConvertReport(bytes, tensors.size(), lossless, List.of());
    }

    private static boolean holds(DType dtype, Tensor tensor) {
        boolean all = true;
        for (float value : tensor.toFloats()) {
            all &= Floats.round(dtype, value) == value;
        }
        return all;
    }

    private ConvertReport toDirectory(Path out) {
        try (OutputDirectory directory = OutputDirectory.open(out)) {
            CodeLayout codes = options.type().isCodeLayout()
                    ? new CodeLayout(
                            checkpoint,
                            weights,
                            parameters.stream()
                                    .filter(p -> linears.contains(p.name()))
                                    .toList(),
                            options.type(),
                            options.requantize())
                    : null;
            List<TensorPlan> plans = new ArrayList<>();
            for (Parameter parameter : parameters) {
                plans.addAll(plans(parameter, codes));
            }
            recoding.note(codes == null || !codes.roundsAgain());
            Safetensors.addTo(directory, plans, SHARD_BYTES, Map.of("format", "pt"));
            ModelFiles.writeTo(directory, checkpoint);
            directory.add("config.json", Json.pretty(config(codes)));
            long bytes = directory.commit().stream().mapToLong(Written::bytes).sum();
            return new ConvertReport(bytes, plans.size(), recoding.lossless(), List.of());
        }
    }

    private List<TensorPlan> plans(Parameter parameter, @Nullable CodeLayout codes) {
        if (codes != null && codes.holds(parameter)) {
            return codes.plans(parameter, () -> step(parameter));
        }
        DType dtype = options.type().dtype().orElseGet(() -> keptType(parameter));
        return List.of(new TensorPlan(parameter.name(), dtype, parameter.shape(), () -> {
            step(parameter);
            return new Tensor(
                    dtype,
                    parameter.shape(),
                    parameter.isMatrix()
                            ? recoding.dense(parameter.weight(weights), dtype)
                            : recoding.dense(parameter.vector(weights), dtype));
        }));
    }

    /// Beside codes that are taken over, floats stay as they are too: matrices in their own type (F16 where they are
    /// blocks), vectors in the table's where that holds them.
    private DType keptType(Parameter parameter) {
        if (parameter.isMatrix()) {
            return keptType(parameter.weight(weights));
        }
        DType common = tableType();
        for (float value : parameter.vector(weights)) {
            if (Floats.round(common, value) != value) {
                return DType.F32;
            }
        }
        return common;
    }

    private static DType keptType(PackedWeight weight) {
        return weight instanceof DenseWeight(Tensor tensor) ? tensor.dtype() : DType.F16;
    }

    private DType tableType() {
        return keptType(weights.weight(checkpoint.network().embedding().name()));
    }

    private JsonNode config(@Nullable CodeLayout codes) {
        ObjectNode config = checkpoint.config().deepCopy();
        config.remove(List.of("quantization_config", "torch_dtype"));
        if (config.path("quern") instanceof ObjectNode quern) {
            quern.remove(List.of("inputs", "kv"));
        }
        config.put(
                "dtype",
                switch (options.type().dtype().orElseGet(this::tableType)) {
                    case BF16 -> "bfloat16";
                    case F16 -> "float16";
                    case F32, F64, I64, I32, I16, I8, U8, BOOL -> "float32";
                });
        if (codes != null) {
            config.set("quantization_config", codes.layout().toJson());
        }
        return config;
    }

    private ConvertReport toGguf(Path out) {
        Architecture architecture = checkpoint.architecture();
        GgufLayout layout = new GgufLayout(architecture, checkpoint.network().config());
        String name = String.valueOf(checkpoint.path().toAbsolutePath().getFileName());
        Map<String, Object> metadata = GgufExport.metadata(
                architecture, checkpoint.config(), name.replaceFirst("\\.gguf$", ""), options.type());
        metadata.putAll(ModelFiles.vocabulary(checkpoint));
        List<GgufPlan> plans = new ArrayList<>();
        RopeFactors.of(architecture, checkpoint.config())
                .ifPresent(factors -> plans.add(GgufPlan.of(RopeFactors.TENSOR, Tensor.of(factors, factors.length))));
        try (Scratch rows = new Scratch()) {
            for (Parameter parameter : parameters) {
                plans.add(ggufPlan(parameter, layout, rows));
            }
            Written written = Gguf.write(out, metadata, plans);
            return new ConvertReport(written.bytes(), plans.size(), recoding.lossless(), fallbacks);
        }
    }

    private GgufPlan ggufPlan(Parameter parameter, GgufLayout layout, Scratch rows) {
        String name = layout.name(parameter.name());
        if (!parameter.isMatrix()) {
            return new GgufPlan(name, parameter.shape(), GgufType.F32, () -> {
                step(parameter);
                float[] values = parameter.vector(weights);
                recoding.note(layout.reversible(parameter.name(), values));
                return recoding.dense(layout.toGguf(parameter.name(), values), DType.F32);
            });
        }
        GgufType type = options.codesOnly() ? codesType(parameter) : ggufType(parameter);
        type.blockType().ifPresent(blocks -> requireCodes(parameter, blocks));
        float[] importance = importance(name, parameter);
        return new GgufPlan(name, parameter.shape(), type, () -> {
            step(parameter);
            PackedWeight weight = parameter.weight(weights);
            return layout.toGguf(
                    parameter.name(),
                    type.blockType().isPresent()
                            ? recoding.blocks(weight, type.blockType().get(), importance)
                            : recoding.dense(weight, type.dtype().orElseThrow()),
                    weight.rows(),
                    rows);
        });
    }

    /// The blocks that take over the codes of `parameter`; a dense matrix's own type.
    private GgufType codesType(Parameter parameter) {
        BlockType blocks = options.type().blocks().orElseThrow();
        return switch (parameter.weight(weights)) {
            case DenseWeight(Tensor tensor) -> GgufType.of(tensor.dtype());
            case GroupedWeight grouped when GroupedBlocks.fit(grouped, blocks) -> GgufType.of(blocks);
            case BlockWeight same when same.type() == blocks -> GgufType.of(blocks);
            case GroupedWeight _, BlockWeight _, Int8Weight _, OutlierInt8Weight _, TableWeight _, VectorWeight _ ->
                throw new QuernException(parameter.name() + ": its codes ("
                        + parameter.weight(weights).encoding() + ") do not fit blocks of " + blocks);
        };
    }

    private void requireCodes(Parameter parameter, BlockType blocks) {
        PackedWeight weight = parameter.weight(weights);
        if (!options.requantize() && Recoding.roundsAgain(weight, blocks)) {
            throw new QuernException(
                    parameter.name() + ": is quantized already (" + weight.encoding() + "), and " + blocks
                            + " cannot hold its codes: new ones would round its values a second time; begin from the float model,"
                            + " or accept that with --requantize");
        }
    }

    /// The type that the mixture gives `parameter`, or what stands in for it.
    private GgufType ggufType(Parameter parameter) {
        if (options.type().dtype().isPresent()) {
            return GgufType.of(options.type().dtype().get());
        }
        if (parameter.weight(weights) instanceof BlockWeight stored && isSameMixture()) {
            return GgufType.of(stored.type());
        }
        BlockType wanted = wanted(parameter);
        int cols = parameter.shape().dim(1);
        GgufType type = GgufMixture.fitting(wanted, cols);
        if (type != GgufType.of(wanted)) {
            fallbacks.add(new ConvertReport.Fallback(parameter.name(), cols, wanted.name(), type.name()));
        }
        return type;
    }

    /// True where the source is a GGUF file of the mixture asked for, whoever made it: its types stay as they are.
    private boolean isSameMixture() {
        return checkpoint.ggufMetadata().get("general.file_type") instanceof Long number
                && number == options.type().ggufFileType();
    }

    private BlockType wanted(Parameter parameter) {
        Network network = checkpoint.network();
        GgufMixture mixture = new GgufMixture(
                options.type(), network.config(), options.imatrix().isPresent());
        if (parameter.name().equals(network.head().weightName())) {
            return mixture.head();
        }
        return network.linears().stream()
                .filter(linear -> linear.weightName().equals(parameter.name()))
                .findFirst()
                .map(mixture::of)
                .orElseGet(mixture::table);
    }

    /// What the inputs of a matrix count; null where that is not known. Importance matrices leave out head and table.
    private float @Nullable [] importance(String name, Parameter parameter) {
        if (options.imatrix().isEmpty()) {
            return null;
        }
        Imatrix.Entry entry = options.imatrix().get().entries().get(name);
        if (entry == null) {
            if (linears.contains(parameter.name())) {
                throw new QuernException("the importance matrix knows no " + name
                        + ": it belongs to another model, make" + " one with quern imatrix");
            }
            return null;
        }
        if (entry.sums().length != parameter.shape().dim(1)) {
            throw new QuernException("the importance matrix has " + entry.sums().length + " inputs for " + name
                    + ", the model " + parameter.shape().dim(1) + ": it belongs to another model");
        }
        return entry.means();
    }

    private void step(Parameter parameter) {
        progress.at(
                "converting to " + options.type().name().toLowerCase(Locale.ROOT) + ": " + parameter.name(),
                done++,
                parameters.size());
    }
}
