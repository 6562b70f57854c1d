package dev.quern.models;

import dev.quern.core.BlockSearch;
import dev.quern.core.BlockType;
import dev.quern.core.BlockWeight;
import dev.quern.core.DenseWeight;
import dev.quern.core.GroupedWeight;
import dev.quern.core.Int8Weight;
import dev.quern.core.OutlierInt8Weight;
import dev.quern.core.PackedWeight;
import dev.quern.core.QuernException;
import dev.quern.core.TableWeight;
import dev.quern.core.VectorWeight;
import dev.quern.formats.AwqLayout;
import dev.quern.formats.GptqConfig;
import dev.quern.formats.PackedLayout;
import dev.quern.formats.TensorPlan;
import dev.quern.formats.WeightLayout;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/// The codes that a checkpoint has already, in another layout of safetensors that can hold them: GPTQ, AWQ or
/// compressed-tensors `pack-quantized`. One module is in memory at a time; Linears that are floats stay floats.
///
/// Where the layout cannot hold them, an error says what stands in the way; with `requantize` all modules are rounded
/// anew instead, to 4 symmetric bits in groups of 32.
final class CodeLayout {
    private static final BlockType AGAIN = BlockType.Q4_0;

    private final Checkpoint checkpoint;
    private final WeightSource weights;
    private final ConvertType type;
    private final List<Parameter> modules = new ArrayList<>();
    private final List<String> floats = new ArrayList<>();
    private final boolean again;
    private final WeightLayout layout;
    private String current = "";
    private Map<String, TensorPlan> plans = Map.of();

    /// `linears` are the Linears of the blocks.
    CodeLayout(
            Checkpoint checkpoint,
            WeightSource weights,
            List<Parameter> linears,
            ConvertType type,
            boolean requantize) {
        this.checkpoint = checkpoint;
        this.weights = weights;
        this.type = type;
        for (Parameter linear : linears) {
            if (linear.weight(weights) instanceof DenseWeight) {
                floats.add(module(linear));
            } else {
                modules.add(linear);
            }
        }
        if (modules.isEmpty()) {
            throw new QuernException(checkpoint.path() + ": is not quantized, so there are no codes for the " + type
                    + " layout; use quantize");
        }
        WeightLayout wanted;
        boolean rounds = false;
        try {
            wanted = common(false);
        } catch (QuernException e) {
            if (!requantize) {
                throw new QuernException(e.getMessage() + "; its codes would be lost: begin from the float model, or"
                        + " accept new ones, its values rounded again to 4 symmetric bits in groups of 32, with"
                        + " --requantize");
            }
            rounds = true;
            wanted = common(true);
        }
        this.again = rounds;
        this.layout = wanted;
    }

    private static String module(Parameter linear) {
        return linear.name().substring(0, linear.name().length() - ".weight".length());
    }

    /// True where codes are not the source's own.
    boolean roundsAgain() {
        return again;
    }

    /// What `quantization_config` says.
    WeightLayout layout() {
        return layout;
    }

    /// True for a Linear that has a place in the layout.
    boolean holds(Parameter parameter) {
        return modules.contains(parameter);
    }

    /// The tensors of one Linear; `begun` is told when its turn comes.
    List<TensorPlan> plans(Parameter linear, Runnable begun) {
        return layout.plans(module(linear), form(linear, again)).stream()
                .map(plan -> new TensorPlan(plan.name(), plan.dtype(), plan.shape(), () -> {
                    if (!current.equals(linear.name())) {
                        begun.run();
                        plans = layout.plans(module(linear), grouped(linear, again)).stream()
                                .collect(Collectors.toMap(TensorPlan::name, p -> p));
                        current = linear.name();
                    }
                    return plans.getOrDefault(plan.name(), plan).data().get();
                }))
                .toList();
    }

    /// The settings that all modules share; throws naming the first module that does not fit.
    private WeightLayout common(boolean rounded) {
        int bits = 0;
        int size = 0;
        boolean symmetric = true;
        boolean ordered = false;
        boolean rows = true;
        for (Parameter linear : modules) {
            GroupedWeight weight = form(linear, rounded);
            bits = bits == 0 ? weight.bits() : bits;
            size = Math.max(size, weight.groupSize());
            rows &= weight.groups() == 1;
            symmetric &= isSymmetric(weight);
            ordered |= weight.groupIndex() != null;
        }
        int groupSize = rows ? 0 : size;
        WeightLayout layout = switch (type) {
            case GPTQ -> gptq(bits, groupSize, symmetric, ordered, GptqConfig.Zeros.V1);
            case GPTQ_V2 -> gptq(bits, groupSize, symmetric, ordered, GptqConfig.Zeros.V2);
            case AWQ -> new AwqLayout(groupSize, floats);
            case PACK_QUANTIZED -> {
                List<String> ignore = new ArrayList<>(List.of("lm_head"));
                ignore.addAll(floats);
                // its package dropped the activation order in 0.19
                yield PackedLayout.of(bits, groupSize, symmetric, false, ignore);
            }
            default -> throw new IllegalStateException(type + " is no layout of codes");
        };
        for (Parameter linear : modules) {
            GroupedWeight weight = form(linear, rounded);
            if (weight.bits() != bits
                    || weight.groupSize()
                            != Math.min(
                                    rows ? linear.shape().dim(1) : size,
                                    linear.shape().dim(1))) {
                throw new QuernException(module(linear) + ": is " + weight.encoding() + " where others have " + bits
                        + " bits in groups of " + size + ", and the " + type + " layout has one form for all");
            }
            layout.plans(module(linear), weight);
        }
        return layout;
    }

    private GptqConfig gptq(int bits, int size, boolean symmetric, boolean ordered, GptqConfig.Zeros zeros) {
        return checkpoint
                .quantizationConfig()
                .flatMap(GptqConfig::find)
                .map(known -> known.with(zeros))
                .orElseGet(() -> new GptqConfig(bits, size, symmetric, ordered, zeros).skipping(floats));
    }

    private static boolean isSymmetric(GroupedWeight weight) {
        boolean middle = true;
        for (short zero : weight.zeroPoints()) {
            middle &= zero == 1 << (weight.bits() - 1);
        }
        return middle;
    }

    /// A weight of the same shape and settings: codes that are to be rounded anew are zeros here, since their search
    /// takes long.
    private GroupedWeight form(Parameter linear, boolean rounded) {
        if (!rounded) {
            return grouped(linear, false);
        }
        PackedWeight weight = linear.weight(weights);
        requireWholeGroups(linear, weight);
        return GroupedBlocks.grouped(
                module(linear), new BlockWeight(AGAIN, weight.rows(), weight.cols(), blocks(weight)));
    }

    private static void requireWholeGroups(Parameter linear, PackedWeight weight) {
        if (weight.cols() % AGAIN.weights() != 0) {
            throw new QuernException(
                    module(linear) + ": " + weight.cols() + " inputs do not divide into groups of " + AGAIN.weights());
        }
    }

    private GroupedWeight grouped(Parameter linear, boolean rounded) {
        PackedWeight weight = linear.weight(weights);
        return switch (weight) {
            case GroupedWeight same when !rounded -> same;
            case BlockWeight blocks when !rounded -> GroupedBlocks.grouped(module(linear), blocks);
            case GroupedWeight _,
                    BlockWeight _,
                    DenseWeight _,
                    Int8Weight _,
                    OutlierInt8Weight _,
                    TableWeight _,
                    VectorWeight _ -> {
                if (!rounded) {
                    throw new QuernException(module(linear) + ": " + weight.encoding()
                            + " codes are no integers in groups, which the " + type + " layout holds");
                }
                requireWholeGroups(linear, weight);
                yield GroupedBlocks.grouped(module(linear), nearest(weight));
            }
        };
    }

    private static MemorySegment blocks(PackedWeight weight) {
        long rowBytes = BlockWeight.rowBytes(AGAIN, weight.cols());
        return MemorySegment.ofArray(new byte[Math.toIntExact(rowBytes * weight.rows())]);
    }

    private static BlockWeight nearest(PackedWeight weight) {
        long rowBytes = BlockWeight.rowBytes(AGAIN, weight.cols());
        MemorySegment data = blocks(weight);
        BlockSearch search = BlockSearch.of(AGAIN);
        float[] row = new float[weight.cols()];
        for (int r = 0; r < weight.rows(); r++) {
            weight.unpackRow(r, row, 0);
            search.encodeRow(row, 0, null, row.length, data, r * rowBytes);
        }
        return new BlockWeight(AGAIN, weight.rows(), weight.cols(), data);
    }
}
